import type { Suggestion } from "./contract/channel.ts";
import type { Locale } from "./contract/model.ts";
import type { Context } from "./stage.ts";

/**
 * Questions that whoever opens the chat can ask with one click, the most useful ones first: what the
 * assistant can do, what the tenant's other agents and the skills that this person may use can do.
 */
export const suggestionsFor = (
  { tenant, locale }: Pick<Context, "tenant" | "locale">,
  skills: readonly string[],
): readonly Suggestion[] => {
  const { can, agent, skill } = WORDS[locale];
  // Whoever addresses nobody speaks to the first agent.
  const others = tenant.agents.slice(1, 1 + OTHER_AGENTS);
  return [
    can,
    ...others.map(({ name }) => filledIn(agent, `@${name}`)),
    ...skills.map((name) => filledIn(skill, name)),
  ];
};

/** So that skills find a place beside them. */
const OTHER_AGENTS = 1;

const filledIn = ({ title, text }: Suggestion, name: string): Suggestion => ({
  title: title.replace("{name}", () => name),
  text: text.replace("{name}", () => name),
});

interface Words {
  readonly can: Suggestion;
  readonly agent: Suggestion;
  readonly skill: Suggestion;
}

const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    can: { title: "What can you do?", text: "What can you do for me? Give me some examples." },
    agent: { title: "Ask {name}", text: "{name} What can you do for me?" },
    skill: {
      title: "Use {name}",
      text: "What can the skill {name} do for me? Give me an example.",
    },
  },
  "zh-Hant": {
    can: { title: "您能做什麼？", text: "您可以幫我做什麼？請舉幾個例子。" },
    agent: { title: "詢問 {name}", text: "{name} 您可以幫我做什麼？" },
    skill: { title: "使用 {name}", text: "技能 {name} 可以幫我做什麼？請舉一個例子。" },
  },
  "zh-Hans": {
    can: { title: "您能做什么？", text: "您可以帮我做什么？请举几个例子。" },
    agent: { title: "询问 {name}", text: "{name} 您可以帮我做什么？" },
    skill: { title: "使用 {name}", text: "技能 {name} 可以帮我做什么？请举一个例子。" },
  },
};
