/**
 * What a person wrote, from Slack's form: links, mentions and `&amp;` are turned back into what they
 * look like.
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export const readText = (text: string): string => {
  if (!/[<&]/.test(text)) return text;
  return text.replace(ESCAPED, (whole, reference: string | undefined) => {
    if (reference !== undefined) return readReference(reference);
    return ENTITIES[whole] ?? whole;
  });
};

/** Whether the person `userId` is mentioned in a text of Slack's form. */
export const mentions = (text: string, userId: string): boolean =>
  text.includes(`<@${userId}>`) || text.includes(`<@${userId}|`);

/**
 * A text of Slack's form without the mentions of `userId`: what a person says to somebody begins
 * after the name. `userId` undefined = the first mention, if the text begins with it.
 */
export const withoutMention = (text: string, userId: string | undefined): string => {
  if (userId === undefined) return text.replace(FIRST_MENTION, "");
  const rest = text.replace(FIRST_MENTION, (whole, id: string) => (id === userId ? "" : whole));
  // Further on, one of the spaces around it goes with it.
  return mentions(rest, userId)
    ? rest.replace(MENTION, (whole, id: string) => (id === userId ? "" : whole))
    : rest;
};

const FIRST_MENTION = /^\s*<@([A-Za-z0-9_-]{1,64})(?:\|[^<>]*)?>[ \t]*/;
const MENTION = /<@([A-Za-z0-9_-]{1,64})(?:\|[^<>]*)?>[ \t]?/g;
// Slack escapes what people write; angle brackets around anything else are not its own.
const ESCAPED = /<([@#!][^<>]*|[a-z][a-z0-9+.-]*:[^<>]*)>|&(?:amp|lt|gt);/gi;
const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

const unescaped = (text: string): string =>
  text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity] ?? entity);

const readReference = (reference: string): string => {
  const bar = reference.indexOf("|");
  const target = unescaped(bar < 0 ? reference : reference.slice(0, bar));
  const label = bar < 0 ? "" : unescaped(reference.slice(bar + 1));
  switch (target[0]) {
    case "@":
      return label === "" ? target : `@${label.replace(/^@/, "")}`;
    case "#":
      return label === "" ? target : `#${label}`;
    case "!":
      return special(target.slice(1), label);
  }
  const isSame =
    label === "" || target === label || target.replace(/^[a-z]+:(\/\/)?/, "") === label;
  // What a person typed stays what it was; only a link with words of its own has two parts.
  if (isSame) return label === "" ? target : label;
  return `[${label}](${target})`;
};

/** `<!here>`, `<!subteam^S1|@team>`, `<!date^…|words>`. */
const special = (what: string, label: string): string => {
  if (label !== "") return label.startsWith("@") || what.startsWith("date^") ? label : `@${label}`;
  return what.startsWith("subteam^") ? `@${what.slice("subteam^".length)}` : `@${what}`;
};
