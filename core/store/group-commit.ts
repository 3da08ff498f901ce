import { asStoreError, type Sqlite } from "./sqlite.ts";
import type { Transaction, Work } from "./store.ts";

/** Writes that wait at the same time share one transaction and one sync of the disk. */
export interface GroupCommit {
  /** Resolves after the commit; `isDurable` = a power loss does not undo it. */
  add<T>(work: Work<T>, isDurable: boolean): Promise<T>;
  /** Resolves when nothing waits. */
  drained(): Promise<void>;
}

interface Job {
  readonly isDurable: boolean;
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: unknown) => void;
}

/** Writes that no longer wait for more: beyond it their share of the commit is next to nothing. */
const ENOUGH = 64;

/** @param transaction runs statements on `database` */
export const createGroupCommit = (database: Sqlite, transaction: Transaction): GroupCommit => {
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const rollback = database.prepare("ROLLBACK");
  let level: string | undefined;
  let queue: Job[] = [];
  let running: Promise<void> | undefined;

  // Level FULL syncs the log at every commit, NORMAL only at checkpoints.
  // https://www.sqlite.org/pragma.html#pragma_synchronous
  const setLevel = (isDurable: boolean): void => {
    const wanted = isDurable ? "FULL" : "NORMAL";
    if (level !== wanted) database.pragma(`synchronous = ${wanted}`);
    level = wanted;
  };

  const perform = async (batch: readonly Job[]): Promise<unknown[]> => {
    setLevel(batch.some((job) => job.isDurable));
    begin.run([]);
    try {
      const values: unknown[] = [];
      for (const job of batch) values.push(await job.work(transaction));
      commit.run([]);
      return values;
    } catch (cause) {
      try {
        rollback.run([]);
      } catch {
        // A full disk has ended the transaction already.
      }
      throw cause;
    }
  };

  const settle = async (batch: readonly Job[]): Promise<void> => {
    try {
      const values = await perform(batch);
      for (const [index, job] of batch.entries()) job.resolve(values[index]);
    } catch (cause) {
      if (batch.length === 1) batch[0]?.reject(asStoreError(cause));
      // Nothing of the batch is written: each alone, so that only who failed fails.
      else for (const job of batch) await settle([job]);
    }
  };

  /**
   * A commit costs as much as dozens of writes, so while each turn of the event loop brings more of
   * them they are let in; one alone waits for a single turn.
   */
  const gather = async (): Promise<void> => {
    let size: number;
    do {
      size = queue.length;
      await new Promise(setImmediate);
    } while (queue.length > size && queue.length < ENOUGH);
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      await gather();
      const batch = queue;
      queue = [];
      await settle(batch);
    }
    running = undefined;
  };

  return {
    add: <T>(work: Work<T>, isDurable: boolean): Promise<T> => {
      const done = new Promise<unknown>((resolve, reject) => {
        queue.push({ isDurable, work, resolve, reject });
      });
      running ??= run();
      return done as Promise<T>;
    },
    drained: async () => {
      while (running) await running;
    },
  };
};
