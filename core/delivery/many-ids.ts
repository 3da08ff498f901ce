/**
 * How many rows one statement names. Statements have a fixed text, so there are always so many places,
 * and the last id fills those that are left over: to look a row up twice changes nothing.
 */
export const MANY = Array.from({ length: 32 }, (_, place) => `id${place}` as const);

/** What fills the places of `MANY`. */
export type ManyIds = Readonly<Record<(typeof MANY)[number], number>>;

/** The ids as arguments, in groups of as many as a statement names; none for no ids. */
export const manyIds = (ids: readonly number[]): readonly ManyIds[] => {
  const groups: ManyIds[] = [];
  for (let first = 0; first < ids.length; first += MANY.length) {
    const group: Record<string, number> = {};
    for (const [place, name] of MANY.entries()) {
      group[name] = ids[Math.min(first + place, ids.length - 1)] ?? 0;
    }
    groups.push(group as ManyIds);
  }
  return groups;
};
