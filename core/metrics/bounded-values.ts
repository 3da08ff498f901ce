/** Beyond this many different values a label says `other`. */
const MOST = 100;
/** A word of a platform, or a number; what looks different is nobody's code. */
const WORD = /^[A-Za-z0-9_.:-]{1,64}$/;
const OTHER = "other";

/**
 * Lets the first hundred words through and turns all others into `other`: what a label is taken
 * from lies with a platform, which must not be able to make series without end.
 */
export const createBoundedValues = (): ((value: string | number) => string) => {
  const known = new Map<string | number, string>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const text = String(value);
    if (known.size >= MOST || !WORD.test(text)) return OTHER;
    known.set(value, text);
    return text;
  };
};
