import { type Cell, type CellSpec, cellKey } from "./cell.ts";
import type { Clock } from "./clock.ts";

/** Cells that were booted ahead of the runs that need them. Each is handed out once. */
export interface Pool {
  /** A cell that waits for just such a run, if there is one; remembers that it was asked for. */
  take(spec: CellSpec): Cell | undefined;
  /** Boots what is asked for and missing, in the background and as far as the bounds allow. */
  refill(): void;
  /** Closes all that wait and forgets what was asked for. */
  empty(): void;
  /** Closes all that wait and all that is still booting; nothing is handed out any more. */
  close(): Promise<void>;
}

export interface PoolOptions {
  open(spec: CellSpec): Promise<Cell>;
  close(cell: Cell): Promise<void>;
  /** What a waiting cell costs, and what all of them together may. */
  readonly cellBytes: number;
  readonly memoryBytes: number;
  readonly maxAgeMs: number;
  readonly maxPerKey: number;
  readonly parallelBoots: number;
  /** Whether nothing more urgent wants the processor. */
  mayBoot(): boolean;
  readonly clock: Pick<Clock, "now" | "every">;
  /** Told of each cell that begins to wait. */
  onReady(spec: CellSpec): void;
  onFault(error: unknown): void;
}

interface Waiting {
  readonly cell: Cell;
  readonly since: number;
}

/** What runs of one key asked for lately. */
interface Demand {
  readonly spec: CellSpec;
  readonly cells: Waiting[];
  booting: number;
  usedAt: number;
  /** How many should wait: one more after each run that found none, one less for each not used. */
  wanted: number;
}

/**
 * A pool that learns from use: the first run of a key boots cold, the next finds a cell. What nobody
 * takes in time is dropped, the least recently used first where memory is short.
 */
export const createPool = (options: PoolOptions): Pool => {
  const { cellBytes, memoryBytes, maxAgeMs, maxPerKey, parallelBoots, clock, onFault } = options;
  // Least recently used first.
  const demands = new Map<string, Demand>();
  const works = new Set<Promise<void>>();
  let booting = 0;
  let closing = 0;
  let isClosed = false;

  const background = (work: Promise<void>): void => {
    const settled = work.catch(onFault).finally(() => works.delete(settled));
    works.add(settled);
  };

  const discard = (cell: Cell): void => {
    closing++;
    background(
      options.close(cell).finally(() => {
        closing--;
        refill();
      }),
    );
  };

  /** Takes a cell out of those that wait because nobody wants it any more. */
  const drop = (demand: Demand, waiting: Waiting): void => {
    demand.cells.splice(demand.cells.indexOf(waiting), 1);
    demand.wanted = Math.max(0, demand.wanted - 1);
    discard(waiting.cell);
  };

  const boot = async (demand: Demand): Promise<void> => {
    demand.booting++;
    booting++;
    try {
      const cell = await options.open(demand.spec);
      if (isClosed || cell.slot.ended.aborted) return discard(cell);
      const waiting: Waiting = { cell, since: clock.now() };
      demand.cells.push(waiting);
      // A cell that dies unused is not booted again before a run asks: it may always die.
      const onEnd = () => demand.cells.includes(waiting) && drop(demand, waiting);
      cell.slot.ended.addEventListener("abort", onEnd, { once: true });
      options.onReady(demand.spec);
    } catch (error) {
      demand.wanted = 0; // the next run boots its own and is told what is wrong
      throw error;
    } finally {
      demand.booting--;
      booting--;
      refill();
    }
  };

  const bytes = (): number => {
    const cells = [...demands.values()].reduce((sum, { cells }) => sum + cells.length, 0);
    return (cells + booting + closing) * cellBytes;
  };
  const isShort = ({ cells, booting, wanted }: Demand) => cells.length + booting < wanted;

  /** Makes room for a cell of `demand` at the cost of one that was asked for longer ago. */
  const evict = (demand: Demand): void => {
    for (const other of demands.values()) {
      const [oldest] = other.cells;
      if (other !== demand && oldest !== undefined) drop(other, oldest);
      if (other === demand || oldest !== undefined) return;
    }
  };

  const refill = (): void => {
    if (isClosed || !options.mayBoot() || booting >= parallelBoots) return;
    const demand = [...demands.values()].findLast(isShort);
    if (demand === undefined) return;
    if (bytes() + cellBytes <= memoryBytes) {
      background(boot(demand));
      refill();
    } else if (closing === 0) evict(demand); // and boots when that one is gone
  };

  const dropOld = (): void => {
    const oldest = clock.now() - maxAgeMs;
    for (const [key, demand] of demands) {
      for (const waiting of demand.cells.filter(({ since }) => since <= oldest)) {
        drop(demand, waiting);
      }
      const isIdle = demand.cells.length === 0 && demand.booting === 0;
      if (isIdle && demand.usedAt <= oldest) demands.delete(key);
    }
  };
  const empty = (): void => {
    for (const demand of demands.values()) {
      demand.wanted = 0;
      for (const { cell } of demand.cells.splice(0)) discard(cell);
    }
  };
  const stopTimer = clock.every(maxAgeMs / 4, dropOld);

  return {
    take(spec) {
      if (isClosed) return undefined;
      dropOld();
      const key = cellKey(spec);
      const demand = demands.get(key) ?? { spec, cells: [], booting: 0, usedAt: 0, wanted: 0 };
      demand.usedAt = clock.now();
      demands.delete(key);
      demands.set(key, demand);
      const taken = demand.cells.shift();
      if (taken === undefined) demand.wanted = Math.min(maxPerKey, demand.wanted + 1);
      return taken?.cell;
    },
    refill,
    empty,
    async close() {
      isClosed = true;
      stopTimer();
      empty();
      while (works.size > 0) await Promise.all(works);
    },
  };
};
