import { scratch } from "../scratch.ts";
import type { Finding } from "./finding.ts";
import type { Spans } from "./spans.ts";

/**
 * The findings without overlaps, in the order of the text. What several cover belongs to the type
 * with the highest rank; the others keep what is left to them, so that nothing found stays uncovered.
 * Findings of one type that overlap, or that another one bridges, become one; such as only touch
 * stay apart. Ranks are different and positive. Linear in the text and in what was found.
 */
export const resolveOverlaps = (spans: Spans, rankOf: (type: string) => number): Finding[] => {
  const weakestFirst = [...spans].sort(([one], [other]) => rankOf(one) - rankOf(other));
  let origin = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const [, offsets] of weakestFirst) {
    for (let i = 0; i < offsets.length; i += 2) {
      origin = Math.min(origin, offsets[i] ?? 0);
      last = Math.max(last, offsets[i + 1] ?? 0);
    }
  }
  if (last <= origin) return [];

  // Paints each unit with the type that it belongs to, the strongest last, and marks the places
  // between two units that a finding goes across.
  const owners = scratch.uint16(last - origin + 1);
  const isInside = scratch.uint8(last - origin + 1);
  for (const [index, [, offsets]] of weakestFirst.entries()) {
    for (let i = 0; i < offsets.length; i += 2) {
      const start = (offsets[i] ?? 0) - origin;
      const end = (offsets[i + 1] ?? 0) - origin;
      if (start >= end) continue;
      owners[start] = index + 1;
      for (let at = start + 1; at < end; at++) {
        owners[at] = index + 1;
        isInside[at] = 1;
      }
    }
  }

  // By owner; 0 is nobody, and -1 would be looked up by name.
  const types = [undefined, ...weakestFirst.map(([type]) => type)];
  const kept: Finding[] = [];
  let start = 0;
  for (let at = 1; at < owners.length; at++) {
    const owner = owners[at - 1] ?? 0;
    if (owners[at] === owner && isInside[at] === 1) continue;
    const type = types[owner];
    if (type !== undefined) kept.push({ type, start: start + origin, end: at + origin });
    start = at;
  }
  return kept;
};
