/** The candidate that `word` is most likely meant to be; undefined when none is near. */
export const suggest = (word: string, candidates: readonly string[]): string | undefined => {
  if (word.length > 64) return undefined;
  const bare = (text: string) => text.toLowerCase().replace(/[-_\s]/g, "");
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const distance = editDistance(bare(word), bare(name));
    const isNear = distance <= Math.max(1, Math.floor(name.length / 3));
    if (isNear && (!best || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
};

// Insertions, deletions, replacements and swaps of neighbours, one row at a time.
const editDistance = (a: string, b: string): number => {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
};
