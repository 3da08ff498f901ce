import type { Locale } from "./contract/model.ts";
import type { Refusal, RefusalCode } from "./contract/reply.ts";

/** The refusal for `code`: one clear sentence in the person's language, then the code in brackets. */
export const refuse = (code: RefusalCode, locale: Locale, subject = ""): Refusal => ({
  kind: "refusal",
  code,
  markdown: `${SENTENCES[code][locale].replaceAll("{subject}", () => subject)} [${code}]`,
});

// `{subject}` is the name of the skill, a number of seconds, what kinds of data were found, or the tenant's name, where that is concerned.
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
    en: "Your role does not allow you to do this here. Please ask your administrator.",
    "zh-Hant": "您的角色沒有執行這項操作的權限，請聯絡管理員。",
    "zh-Hans": "您的角色没有执行此操作的权限，请联系管理员。",
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
  MODEL_REFUSED: {
    en: "The language model does not take this request. Please word it differently, or make it shorter.",
    "zh-Hant": "語言模型不接受這個請求，請換個說法或縮短內容。",
    "zh-Hans": "语言模型不接受这个请求，请换个说法或缩短内容。",
  },
  PROMPT_TOO_LARGE: {
    en: "This is more text than a language model can read at once. Please send less at a time.",
    "zh-Hant": "內容超過語言模型一次能讀取的長度，請分次傳送。",
    "zh-Hans": "内容超过语言模型一次能读取的长度，请分次发送。",
  },
  RESIDENCY_REFUSED: {
    en: "This must not leave the places that your team's rules allow, and no language model is set up there. Please ask your administrator.",
    "zh-Hant": "依貴團隊的資料落地規則，這則內容不得送往目前設定的語言模型，請聯絡管理員。",
    "zh-Hans": "根据贵团队的数据驻留规则，此内容不得发送到当前设置的语言模型，请联系管理员。",
  },
  BUDGET_EXCEEDED: {
    en: "Your team's budget for language models is used up for this month. Please ask your administrator.",
    "zh-Hant": "貴團隊本月的語言模型預算已用完，請聯絡管理員。",
    "zh-Hans": "贵团队本月的语言模型预算已用完，请联系管理员。",
  },
  PRICE_UNKNOWN: {
    en: "What this language model costs is not known, and your team has a budget, so it cannot be asked. Please tell your administrator.",
    "zh-Hant": "貴團隊設有預算，但系統不知道此語言模型的價格，因此無法使用，請通知管理員。",
    "zh-Hans": "贵团队设有预算，但系统不知道此语言模型的价格，因此无法使用，请通知管理员。",
  },
  CONSENT_NEEDED: {
    en: "Before I can help you, your consent is needed. What you write to the assistant of {subject}, with the files you send, is checked against your organisation's rules, given to the language models and skills that it has chosen, and stored encrypted with the answers; who is allowed to in your organisation can search it. `/forget` erases what is remembered. Reply `/consent yes` to agree or `/consent no` to decline (the slash may be left out); you can change your mind at any time.",
    "zh-Hant":
      "在提供協助之前，需要您的同意。您傳送給「{subject}」助理的內容與檔案，會依貴組織的規則檢查，交給貴組織選用的語言模型與技能處理，並與回覆一起加密儲存；貴組織中獲授權的人員可以搜尋。輸入 `/forget` 可清除已記住的內容。同意請回覆 `/consent yes`，不同意請回覆 `/consent no`（斜線可省略）；您可以隨時改變決定。",
    "zh-Hans":
      "在提供帮助之前，需要您的同意。您发送给“{subject}”助理的内容与文件，会依贵组织的规则检查，交给贵组织选用的语言模型与技能处理，并与回复一起加密存储；贵组织中获授权的人员可以搜索。输入 `/forget` 可清除已记住的内容。同意请回复 `/consent yes`，不同意请回复 `/consent no`（斜线可省略）；您可以随时改变决定。",
  },
  RATE_LIMITED: {
    en: "You or your team are sending messages faster than is allowed. This one was not answered; please try again in {subject} s.",
    "zh-Hant": "您或您的團隊傳送訊息過快，這則訊息未被回答，請於 {subject} 秒後再試。",
    "zh-Hans": "您或您的团队发送消息过快，这条消息未被回答，请在 {subject} 秒后再试。",
  },
  STEP_LIMIT: {
    en: "This took more steps than are allowed for one question. Please ask for less at a time.",
    "zh-Hant": "這個問題需要的步驟超過上限，請拆成較小的問題。",
    "zh-Hans": "这个问题需要的步骤超过上限，请拆成较小的问题。",
  },
  SKILL_NOT_ALLOWED: {
    // Without its name: a model made that up, and no content rule has looked at it.
    en: "A skill that this would need is not available to your team.",
    "zh-Hant": "這項要求所需的技能，您的團隊不能使用。",
    "zh-Hans": "这项请求所需的技能，您的团队不能使用。",
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
  DATA_BLOCKED: {
    en: "The message or its answer holds data that must not be passed on ({subject}). Please leave it out.",
    "zh-Hant": "訊息或回答含有不得傳送的資料（{subject}），請移除後再試。",
    "zh-Hans": "消息或回答含有不得传送的数据（{subject}），请删除后再试。",
  },
  CONTENT_BLOCKED: {
    en: "The message or its answer is against your organisation's rules on content, so it was not passed on.",
    "zh-Hant": "訊息或回答違反貴單位的內容規範，因此未予傳送。",
    "zh-Hans": "消息或回答违反贵单位的内容规范，因此未予传送。",
  },
  CONTENT_HELD: {
    en: "The message or its answer is held: under your organisation's rules on content a person has to look at it first. You will be told here what they decide.",
    "zh-Hant":
      "訊息或回答已暫時保留：依貴單位的內容規範，須先由審核人員檢視，審核結果會在此通知您。",
    "zh-Hans":
      "消息或回答已暂时保留：根据贵单位的内容规范，须先由审核人员查看，审核结果会在此通知您。",
  },
  REVIEW_REJECTED: {
    en: "Your earlier message here, or the answer to it, was held for review, and the reviewer did not release it.",
    "zh-Hant": "您先前在此的訊息或其回答經審核後未獲放行。",
    "zh-Hans": "您之前在此的消息或其回答经审核后未获放行。",
  },
  REVIEW_EXPIRED: {
    en: "Your earlier message here, or the answer to it, was held for review, and nobody decided on it in time. Please ask your administrator, or send it again.",
    "zh-Hant": "您先前在此的訊息或其回答等待審核已逾期，請聯絡管理員或重新傳送。",
    "zh-Hans": "您之前在此的消息或其回答等待审核已过期，请联系管理员或重新发送。",
  },
  MODERATION_UNAVAILABLE: {
    en: "The content check cannot be reached right now, and without it nothing may be passed on. Please try again later.",
    "zh-Hant": "目前無法連上內容審核服務，未經審核不得傳送，請稍後再試。",
    "zh-Hans": "目前无法连接内容审核服务，未经审核不得传送，请稍后再试。",
  },
  INTERNAL: {
    en: "Something went wrong on our side. Please try again; if it stays, tell your administrator.",
    "zh-Hant": "系統發生問題，請再試一次；若持續發生，請通知管理員。",
    "zh-Hans": "系统发生问题，请再试一次；若持续发生，请通知管理员。",
  },
};
