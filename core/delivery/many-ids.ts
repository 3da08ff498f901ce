/**
 * How many rows one statement names. Statements have a fixed text, so there are always so many places,
 * and the last id fills those that are left over: to look a row up twice changes nothing.
 */
export const MANY = Array.from({ length: 32 }, (_, place) => `${place}` as const);

/** What fills the places of `MANY`, and whose rows they are. */
export type ManyIds = Whose & Readonly<Record<(typeof MANY)[number], number>>;

interface Whose {
  readonly tenantId: string;
}

/** The ids as arguments, in groups of as many as a statement names, with what else it asks for; none for no ids. */
export const manyIds = <Others extends Whose>(
  others: Others,
  ids: readonly number[],
): readonly (Others & ManyIds)[] => {
  const groups: (Others & ManyIds)[] = [];
  for (let first = 0; first < ids.length; first += MANY.length) {
    // Complete, and with numbers for names: to copy names that were made one by one takes 12 µs, these 1.
    const group = { ...others } as Others & { [place: number]: number };
    for (let place = 0; place < MANY.length; place++) {
      group[place] = ids[Math.min(first + place, ids.length - 1)] ?? 0;
    }
    groups.push(group);
  }
  return groups;
};
