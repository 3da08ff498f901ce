import type { Locale } from "./contract/model.ts";
import type { Context } from "./stage.ts";

// Enough to give an idea; the rest is found by asking.
const NAMED = 5;

/** Who speaks here, what they can do, and how to go on; `skills` are the names of those that the person may use. */
export const greeting = (
  { tenant, locale }: Pick<Context, "tenant" | "locale">,
  skills: readonly string[],
): string => {
  const { hello, can, more, ask } = SENTENCES[locale];
  const isEnglish = locale === "en";
  const named = skills.slice(0, NAMED).join(isEnglish ? ", " : "、");
  const able =
    named === ""
      ? []
      : [`${can}${named}${skills.length > NAMED ? more : ""}${isEnglish ? "." : "。"}`];
  return [hello.replace("{tenant}", () => tenant.name), ...able, ask].join(isEnglish ? " " : "");
};

interface Sentences {
  readonly hello: string;
  readonly can: string;
  readonly more: string;
  readonly ask: string;
}

const SENTENCES: Readonly<Record<Locale, Sentences>> = {
  en: {
    hello: "Hello, I am the assistant of {tenant}.",
    can: "I can use these skills: ",
    more: " and more",
    ask: "Just write what you need.",
  },
  "zh-Hant": {
    hello: "您好，我是{tenant}的助理。",
    can: "我會使用這些技能：",
    more: "等",
    ask: "請直接輸入您的需求。",
  },
  "zh-Hans": {
    hello: "您好，我是{tenant}的助理。",
    can: "我会使用这些技能：",
    more: "等",
    ask: "请直接输入您的需求。",
  },
};
