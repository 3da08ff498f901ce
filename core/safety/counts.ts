/** Counts by kind for the record, e.g. `email 2, iban 1`. */
export const countsText = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
