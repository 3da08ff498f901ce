/** JSON of a value in which half a character is U+FFFD: some platforms refuse all of what holds one. */
export const wellFormedJson = (value: object): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "string" ? part.toWellFormed() : part,
  );
