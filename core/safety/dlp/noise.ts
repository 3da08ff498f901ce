/** So many of these characters, or words, in no order, the same each time. */
export const noise = (count: number, characters: ArrayLike<string>): string => {
  let seed = 1;
  const next = () => {
    seed = (seed * 48_271) % 0x7fff_ffff;
    return characters[seed % characters.length];
  };
  return Array.from({ length: count }, next).join("");
};

/** So many characters, this one first. */
export const charactersFrom = (first: number, count: number): string =>
  String.fromCharCode(...Array.from({ length: count }, (_, at) => first + at));

/** What ASCII shows. */
export const PRINTABLE = charactersFrom(0x21, 94);
