import type { Locale } from "./contract/model.ts";
import type { Refusal, RefusalCode } from "./contract/reply.ts";

/** The refusal for `code`: one clear sentence in the person's language, then the code in brackets. */
export const refuse = (code: RefusalCode, locale: Locale, subject = ""): Refusal => ({
  kind: "refusal",
  code,
  markdown: `${SENTENCES[code][locale].replaceAll("{subject}", () => subject)} [${code}]`,
});

// `{subject}` is the name of the skill where one is concerned.
const SENTENCES: Readonly<Record<RefusalCode, Readonly<Record<Locale, string>>>> = {
  TENANT_UNKNOWN: {
    en: "You are not set up to use this assistant yet. Please ask your administrator to add your team.",
    "zh-Hant": "您尚未開通這個助理，請聯絡管理員將您的部門加入。",
    "zh-Hans": "您尚未开通这个助理，请联系管理员将您的部门加入。",
  },
  TENANT_AMBIGUOUS: {
    en: "You belong to more than one team here, so I cannot tell whose rules apply. Please ask your administrator to settle it.",
    "zh-Hant": "您同時屬於多個團隊，無法判斷適用哪一個團隊的規則，請聯絡管理員處理。",
    "zh-Hans": "您同时属于多个团队，无法判断适用哪一个团队的规则，请联系管理员处理。",
  },
  DIRECTORY_UNAVAILABLE: {
    en: "Your department cannot be looked up right now, so I cannot tell whose rules apply. Please try again in a few minutes.",
    "zh-Hant": "目前無法查詢您所屬的部門，因此無法判斷適用哪個團隊的規則，請幾分鐘後再試。",
    "zh-Hans": "目前无法查询您所属的部门，因此无法判断适用哪个团队的规则，请几分钟后再试。",
  },
  NOT_PERMITTED: {
    en: "Your role does not allow you to talk to the assistant. Please ask your administrator.",
    "zh-Hant": "您的角色沒有與助理對話的權限，請聯絡管理員。",
    "zh-Hans": "您的角色没有与助理对话的权限，请联系管理员。",
  },
  KIND_UNSUPPORTED: {
    en: "This kind of message is not supported yet. Please send text.",
    "zh-Hant": "目前還不支援這種訊息，請改用文字。",
    "zh-Hans": "目前还不支持这种消息，请改用文字。",
  },
  MODEL_UNAVAILABLE: {
    en: "The language model cannot be reached right now. Please try again later.",
    "zh-Hant": "目前無法連上語言模型，請稍後再試。",
    "zh-Hans": "目前无法连接语言模型，请稍后再试。",
  },
  MODEL_TIMEOUT: {
    en: "The language model took too long to answer. Please try again.",
    "zh-Hant": "語言模型回應逾時，請再試一次。",
    "zh-Hans": "语言模型响应超时，请再试一次。",
  },
  STEP_LIMIT: {
    en: "This took more steps than are allowed for one question. Please ask for less at a time.",
    "zh-Hant": "這個問題需要的步驟超過上限，請拆成較小的問題。",
    "zh-Hans": "这个问题需要的步骤超过上限，请拆成较小的问题。",
  },
  SKILL_NOT_ALLOWED: {
    en: "The skill “{subject}” is not available to your team.",
    "zh-Hant": "您的團隊不能使用技能「{subject}」。",
    "zh-Hans": "您的团队不能使用技能“{subject}”。",
  },
  SKILL_FAILED: {
    en: "The skill “{subject}” failed on this input. Please check it and try again.",
    "zh-Hant": "技能「{subject}」處理這項輸入時失敗，請檢查內容後再試。",
    "zh-Hans": "技能“{subject}”处理这项输入时失败，请检查内容后再试。",
  },
  SKILL_BAD_OUTPUT: {
    en: "The skill “{subject}” gave a result that cannot be used. Please tell your administrator.",
    "zh-Hant": "技能「{subject}」的結果無法使用，請通知管理員。",
    "zh-Hans": "技能“{subject}”的结果无法使用，请通知管理员。",
  },
  SKILL_TIMEOUT: {
    en: "The skill “{subject}” took too long and was stopped.",
    "zh-Hant": "技能「{subject}」執行過久，已被停止。",
    "zh-Hans": "技能“{subject}”运行过久，已被停止。",
  },
  SKILL_MEMORY: {
    en: "The skill “{subject}” needed more memory than it may use and was stopped.",
    "zh-Hant": "技能「{subject}」使用的記憶體超過上限，已被停止。",
    "zh-Hans": "技能“{subject}”使用的内存超过上限，已被停止。",
  },
  SKILL_LIMIT: {
    en: "The skill “{subject}” went over a limit of its sandbox and was stopped.",
    "zh-Hant": "技能「{subject}」超出沙箱的限制，已被停止。",
    "zh-Hans": "技能“{subject}”超出沙箱的限制，已被停止。",
  },
  SKILL_BLOCKED: {
    en: "The skill “{subject}” may not run here under the sandbox policy.",
    "zh-Hant": "依沙箱政策，技能「{subject}」不能在此執行。",
    "zh-Hans": "根据沙箱策略，技能“{subject}”不能在此运行。",
  },
  SANDBOX_UNAVAILABLE: {
    en: "Skills are switched off because no sandbox is available. Please tell your administrator.",
    "zh-Hant": "沒有可用的沙箱，技能已關閉，請通知管理員。",
    "zh-Hans": "没有可用的沙箱，技能已关闭，请通知管理员。",
  },
  INTERNAL: {
    en: "Something went wrong on our side. Please try again; if it stays, tell your administrator.",
    "zh-Hant": "系統發生問題，請再試一次；若持續發生，請通知管理員。",
    "zh-Hans": "系统发生问题，请再试一次；若持续发生，请通知管理员。",
  },
};
