// A tenant's first texts of a minute; what more there are is computed each time.
const MOST = 8_192;
// Names of people are far shorter; an operator may ask for longer ones.
const MOST_UNITS = 1_000;
const KEPT_MS = 60_000;

/**
 * Computes what a text becomes, and remembers that for a minute at most: the same few people write
 * again and again, and whoever is erased, in this process or another one, is not remembered for longer.
 */
export const rememberForAMinute = (compute: (text: string) => Buffer) => {
  const recent = new Map<string, Buffer>();
  return (text: string): Buffer => {
    const known = recent.get(text);
    if (known) return known;
    const computed = compute(text);
    if (recent.size >= MOST || text.length > MOST_UNITS) return computed;
    if (recent.size === 0) setTimeout(() => recent.clear(), KEPT_MS).unref();
    recent.set(text, computed);
    return computed;
  };
};
