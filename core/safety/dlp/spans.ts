/**
 * What was found, by type: the start and the end of each finding in turn, in UTF-16 units. Findings
 * stand in any order and may overlap. A dense text has a hundred thousand of them, and plain numbers
 * cost neither objects nor the sorting of them.
 */
export type Spans = Map<string, number[]>;

/** The starts and ends of one type, for more to be put behind them. */
export const spansOf = (spans: Spans, type: string): number[] => {
  const known = spans.get(type);
  if (known) return known;
  const own: number[] = [];
  spans.set(type, own);
  return own;
};
