/** What TEXT says of a click: `card:button`, and behind it `question=option+option`, several with commas. */
export const clickIn = (
  text: string,
): {
  readonly cardId: string;
  readonly buttonId: string;
  /** Question and the ids of the chosen options. */
  readonly choices: readonly (readonly [string, readonly string[]])[];
} => {
  const [cardId = "", buttonId = "", chosen = ""] = text.split(":");
  const choices = chosen
    .split(",")
    .filter((choice) => choice.includes("="))
    .map((choice) => {
      const [question = "", options = ""] = choice.split("=");
      return [question, options.split("+")] as const;
    });
  return { cardId, buttonId, choices };
};
