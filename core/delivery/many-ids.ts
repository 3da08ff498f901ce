/**
 * How many rows one statement names. Statements have a fixed text, so there are always so many places,
 * and the last id fills those that are left over: to look a row up twice changes nothing.
 */
export const MANY = Array.from({ length: 32 }, (_, place) => `${place}` as const);

/** What fills the places of `MANY`, and whose rows they are. */
export type ManyIds = { readonly tenantId: string } & Readonly<
  Record<(typeof MANY)[number], number>
>;

/** The ids as arguments, in groups of as many as a statement names; none for no ids. */
export const manyIds = (tenantId: string, ids: readonly number[]): readonly ManyIds[] => {
  const groups: ManyIds[] = [];
  for (let first = 0; first < ids.length; first += MANY.length) {
    // Complete, and with numbers for names: to copy names that were made one by one takes 12 µs, these 1.
    const group: { readonly tenantId: string; [place: number]: number } = { tenantId };
    for (let place = 0; place < MANY.length; place++) {
      group[place] = ids[Math.min(first + place, ids.length - 1)] ?? 0;
    }
    groups.push(group);
  }
  return groups;
};
