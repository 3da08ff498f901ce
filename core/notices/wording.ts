import type { Locale } from "../contract/model.ts";
import type { Notice, NoticeKind } from "../contract/notice.ts";

/**
 * A notice in words.
 * @param name the tenant's, for people
 */
export const noticeText = (
  { kind, month, limitUsd, usedUsd }: Notice,
  name: string,
  locale: Locale,
): string => {
  const figures: Readonly<Record<string, string>> = {
    name,
    month,
    limit: inDollars(limitUsd),
    used: inDollars(usedUsd),
  };
  return SENTENCES[kind][locale].replace(/\{(\w+)\}/g, (_, key: string) => figures[key] ?? "");
};

/** To the cent; what is less than one is not nothing. */
const inDollars = (usd: number): string =>
  new Intl.NumberFormat("en", {
    minimumFractionDigits: 2,
    maximumFractionDigits: usd > 0 && usd < 1 ? 4 : 2,
  }).format(usd);

const SENTENCES: Readonly<Record<NoticeKind, Readonly<Record<Locale, string>>>> = {
  budget_warning: {
    en: "The assistant of {name} has come to 80 % of its budget for {month}: {used} of {limit} US dollars are spent or reserved. When all of it is used, questions to its models are refused until the month ends. You are told because you are a contact of {name}.",
    "zh-Hant":
      "{name}的助理 {month} 的預算已用達 80%：已支出或預留 {used} 美元，上限為 {limit} 美元。預算用完後，到當月結束前都不會再使用模型回答。您是{name}的聯絡人，因此收到這則通知。",
    "zh-Hans":
      "{name}的助理 {month} 的预算已用到 80%：已支出或预留 {used} 美元，上限为 {limit} 美元。预算用完后，到当月结束前都不会再使用模型回答。您是{name}的联系人，因此收到这条通知。",
  },
  budget_exceeded: {
    en: "The budget of {name} for {month} is used up: {used} of {limit} US dollars are spent or reserved, and the next question does not fit in. Such questions are refused until the month ends or the budget is raised. You are told because you are a contact of {name}.",
    "zh-Hant":
      "{name} {month} 的預算已用完：已支出或預留 {used} 美元，上限為 {limit} 美元，不足以再回答下一個問題。到當月結束或預算調高之前，這類提問會被拒絕。您是{name}的聯絡人，因此收到這則通知。",
    "zh-Hans":
      "{name} {month} 的预算已用完：已支出或预留 {used} 美元，上限为 {limit} 美元，不足以再回答下一个问题。到当月结束或预算调高之前，这类提问会被拒绝。您是{name}的联系人，因此收到这条通知。",
  },
};
