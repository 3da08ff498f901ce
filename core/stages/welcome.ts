import type { RoleIndex } from "../../config/roles.ts";
import type { Locale } from "../contract/model.ts";
import type { SkillRunner } from "../skill-runner.ts";
import type { Context, Stage } from "../stage.ts";
import { suggestionsFor } from "../suggestions.ts";
import type { Welcomed } from "../welcomed.ts";
import { mayChat } from "./authorize.ts";

export interface WelcomeParts {
  readonly roles: RoleIndex;
  readonly skills: Pick<SkillRunner, "allowedFor">;
  readonly welcomed: Welcomed;
}

/**
 * Greets whoever opens the conversation or joins, once a day, and each time suggests what to ask;
 * never who would be refused.
 */
export const welcome =
  ({ roles, skills, welcomed }: WelcomeParts): Stage =>
  async (context, next) => {
    const { message, tenant } = context;
    const { content, sender } = message;
    const isArrival =
      content.kind === "event" &&
      (content.event.name === "app_opened" || content.event.name === "member_joined");
    if (!isArrival || sender.isBot || !mayChat(roles, message)) return next();
    const names = skills.allowedFor(context).map(({ name }) => name);
    if (content.event.name === "app_opened") context.suggest?.(suggestionsFor(context, names));
    if (!(await welcomed.markToday(tenant.id, message))) {
      return { kind: "silence", reason: "WELCOMED_TODAY" };
    }
    return { kind: "text", markdown: greeting(context, names) };
  };

/** Enough to give an idea; the rest is found by asking. */
const NAMED = 5;

const greeting = ({ tenant, locale }: Context, skills: readonly string[]): string => {
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
