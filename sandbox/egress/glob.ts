/**
 * Whether a glob covers the whole text: `*` is any run without `separator`, `**` any run at all, `?`
 * one character that is not the separator. Takes time in proportion to both lengths, whatever they are.
 */
export const matchesGlob = (glob: string, text: string, separator: string): boolean => {
  const tokens = glob.match(/\*\*+|[\s\S]/gu) ?? [];
  // Tokens that may come next, after the text so far.
  let reached = skipRuns(tokens, new Set([0]));
  for (const char of text) {
    const next = new Set<number>();
    for (const index of reached) {
      const token = tokens[index];
      if (token === undefined) continue;
      if (token.startsWith("**") || (token === "*" && char !== separator)) next.add(index);
      else if (token === char || (token === "?" && char !== separator)) next.add(index + 1);
    }
    reached = skipRuns(tokens, next);
  }
  return reached.has(tokens.length);
};

/** A run may be empty, so what follows it may come next as well. */
const skipRuns = (tokens: readonly string[], reached: Set<number>): Set<number> => {
  for (const index of reached) {
    if (tokens[index]?.startsWith("*")) reached.add(index + 1);
  }
  return reached;
};
