import type { Finding } from "./finding.ts";

/**
 * The findings without overlaps, in the order of the text. What several cover belongs to the one
 * with the highest rank, among equals to the longest, then the first; the others keep what is left
 * to them, so that nothing found stays uncovered.
 */
export const resolveOverlaps = (
  findings: readonly Finding[],
  rankOf: (type: string) => number,
): Finding[] => {
  const sorted = findings
    .filter(({ start, end }) => end > start)
    .sort((a, b) => a.start - b.start || a.end - b.end);
  const kept: Finding[] = [];
  for (let i = 0; i < sorted.length; ) {
    // Findings that touch one another through overlaps, as one cluster.
    let end = sorted[i]?.end ?? 0;
    let next = i + 1;
    for (let finding = sorted[next]; finding && finding.start < end; finding = sorted[++next]) {
      end = Math.max(end, finding.end);
    }
    const only = next === i + 1 ? sorted[i] : undefined;
    if (only) kept.push(only);
    else for (const part of paint(sorted.slice(i, next), end, rankOf)) kept.push(part);
    i = next;
  }
  return kept;
};

const paint = (
  cluster: readonly Finding[],
  end: number,
  rankOf: (type: string) => number,
): readonly Finding[] => {
  const origin = cluster[0]?.start ?? 0;
  // The common overlap: several rules, or a rule and a detector, that mean the same thing.
  if (cluster.every((finding) => finding.start === origin && finding.end === end)) {
    const winner = cluster.reduce((best, own) =>
      rankOf(own.type) > rankOf(best.type) ? own : best,
    );
    return [winner];
  }
  const weakestFirst = [...cluster].sort(
    (a, b) =>
      rankOf(a.type) - rankOf(b.type) || a.end - a.start - (b.end - b.start) || b.start - a.start,
  );
  const owners = new Int32Array(end - origin);
  for (const [i, finding] of weakestFirst.entries()) {
    owners.fill(i, finding.start - origin, finding.end - origin);
  }
  const painted: Finding[] = [];
  for (let from = 0, i = 1; i <= owners.length; i++) {
    if (i < owners.length && owners[i] === owners[from]) continue;
    const type = weakestFirst[owners[from] ?? 0]?.type;
    const last = painted.at(-1);
    if (last?.type === type && last?.end === origin + from) {
      painted[painted.length - 1] = { ...last, end: origin + i };
    } else if (type !== undefined) {
      painted.push({ type, start: origin + from, end: origin + i });
    }
    from = i;
  }
  return painted;
};
