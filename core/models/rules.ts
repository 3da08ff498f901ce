import type { Locale, ModelProvider, Tool } from "../contract/model.ts";
import { localeFor } from "../locale.ts";
import { fittingTool } from "./fit.ts";

/**
 * A provider without a model: hands the user's text to the tool that fits it, and gives the tool's
 * answer back. The same request always gets the same turn; nothing leaves the machine.
 */
export const createRulesProvider = (name: string): ModelProvider => ({
  name,
  isBuiltIn: true,
  generate: async ({ messages, tools, locale }) => {
    const say = (text: string) => ({ text, toolCalls: [], usage: NO_USAGE });
    const last = messages.at(-1);
    if (last?.role === "tool") return say(answerFrom(last.text));
    const question = messages.findLast((message) => message.role === "user")?.text ?? "";
    const usable = tools.filter(takesText);
    const tool = fittingTool(question, usable);
    if (!tool) return say(abilities(usable, locale));
    const call = {
      id: `${name}-${messages.length}`,
      name: tool.name,
      argumentsJson: JSON.stringify({ text: question }),
    };
    return { text: "", toolCalls: [call], usage: NO_USAGE };
  },
});

const NO_USAGE = { inputTokens: 0, outputTokens: 0 };

/** Can be called with `{"text": …}` and nothing else. */
const takesText = ({ parameters }: Tool): boolean => {
  const { properties, required } = parameters;
  const isObject = typeof properties === "object" && properties !== null;
  if (!isObject || !("text" in properties)) return false;
  return !Array.isArray(required) || required.every((key) => key === "text");
};

/** What a skill printed, as Markdown: its `text`, or else all of it in a code block. */
const answerFrom = (output: string): string => {
  let shown = output;
  try {
    const value: unknown = JSON.parse(output);
    if (typeof value === "object" && value !== null && "text" in value) {
      if (typeof value.text === "string") return value.text;
    }
    shown = JSON.stringify(value, undefined, 2);
  } catch {
    // Not JSON: shown as it came.
  }
  // A fence longer than any in the output cannot be closed by it.
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${shown}\n${fence}`;
};

const SENTENCES: Readonly<Record<Locale, { readonly can: string; readonly cannot: string }>> = {
  en: {
    can: "I found no skill for that. This is what I can do:",
    cannot: "I found no skill for that: none is available to you here.",
  },
  "zh-Hant": {
    can: "找不到適合這個問題的技能。我可以做的有：",
    cannot: "找不到適合這個問題的技能：這裡目前沒有開放給您的技能。",
  },
  "zh-Hans": {
    can: "找不到适合这个问题的技能。我可以做的有：",
    cannot: "找不到适合这个问题的技能：这里目前没有开放给您的技能。",
  },
};

const MAX_LISTED = 10;

const abilities = (tools: readonly Tool[], locale: Locale): string => {
  const { can, cannot } = SENTENCES[locale];
  if (tools.length === 0) return cannot;
  const lines = tools
    .slice(0, MAX_LISTED)
    .map(({ name, description }) => `- **${name}**: ${firstSentence(description, locale)}`);
  return [can, ...lines, ...(tools.length > MAX_LISTED ? ["- …"] : [])].join("\n");
};

/** The first sentence in the reader's language, else the first. */
const firstSentence = (description: string, locale: Locale): string => {
  const sentences = description
    .split(/(?<=[.!?])\s+|(?<=[。！？])\s*|\n+/)
    .filter((sentence) => sentence.trim() !== "");
  const readable = sentences.find((sentence) => localeFor(undefined, sentence) === locale);
  const characters = [...(readable ?? sentences[0] ?? description).trim()];
  return characters.length <= 160 ? characters.join("") : `${characters.slice(0, 160).join("")}…`;
};
