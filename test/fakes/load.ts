import { setTimeout as delay } from "node:timers/promises";

/** How long a load lasts: with `LOAD_SECONDS=20` in the environment the whole of it, else a taste. */
export const LOAD_SECONDS = Number(process.env.LOAD_SECONDS ?? 1);

/** Calls `say` so often a second, each at its time, however long earlier ones take: platforms do not wait for us. */
export const atTheirTimes = async (
  count: number,
  perSecond: number,
  say: (index: number) => void,
): Promise<void> => {
  const startedAt = performance.now();
  for (let index = 0; index < count; index += 1) {
    const aheadMs = (index * 1000) / perSecond - (performance.now() - startedAt);
    if (aheadMs > 0) await delay(aheadMs);
    say(index);
  }
};

/** What became of a load, in words: who was answered once, twice and never, and after how long. */
export const loadFigures = (times: readonly number[], latenciesMs: readonly number[]): string => {
  const once = times.filter((answers) => answers === 1).length;
  const twice = times.filter((answers) => answers > 1).length;
  const lost = times.filter((answers) => answers === 0).length;
  const [p50, p99] = [0.5, 0.99].map((part) => quantile(latenciesMs, part).toFixed(0));
  return `answered once ${once}, twice ${twice}, lost ${lost}; after ${p50} ms (p50), ${p99} ms (p99)`;
};

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * part)] ?? 0;
