import { type ChangeAll, isAfterChange } from "./after-change.ts";
import { StoreError } from "./errors.ts";
import { asStoreError, type Sqlite } from "./sqlite.ts";
import type { Transaction, Work, WriteAll } from "./store.ts";

/** Writes that wait at the same time share one transaction and one sync of the disk. */
export interface GroupCommit {
  /** Resolves after the commit; `isDurable` = a power loss does not undo it. */
  add<T>(work: Work<T>, isDurable: boolean): Promise<T>;
  /** Throws StoreError once the disk has not kept what was written: what is read then may be what was lost. */
  check(): void;
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

/**
 * @param database at level NORMAL, where a commit is written to the log but not synced
 * @param transaction runs statements on `database`
 * @param sync resolves once all that the log holds when it is called survives a power loss
 * @param written is told how many works a batch had; the next one waits for what it returns
 */
export const createGroupCommit = (
  database: Sqlite,
  transaction: Transaction,
  sync: () => Promise<void>,
  written: (works: number) => Promise<void> | undefined = () => undefined,
): GroupCommit => {
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const rollback = database.prepare("ROLLBACK");
  let queue: Job[] = [];
  let running: Promise<void> | undefined;
  // Off the event loop, which a busy disk would hold up otherwise; what comes meanwhile shares the next.
  let syncing: Promise<void> | undefined;
  let failure: StoreError | undefined;

  /**
   * What the works of a batch leave to be written at its end. A map of its own for each: tables of a map
   * that is cleared point to those that follow, and from old memory keep all that was ever left.
   */
  let left = new Map<WriteAll<never>, unknown[]>();
  const shared: Transaction = {
    ...transaction,
    leave: (write, item) => addTo(left, write, item),
  };

  /** Makes the changes that works depend on. Throws where one of them is not: whose, each alone finds out. */
  const changeAtOnce = async (batch: readonly Job[]): Promise<void> => {
    const asked = new Map<ChangeAll<never>, unknown[]>();
    for (const { work } of batch) if (isAfterChange(work)) addTo(asked, work.changeAll, work.item);
    for (const [changeAll, items] of asked) {
      const changed = await changeAll(transaction, items as never[]);
      if (changed < items.length) throw new StoreError("not all of a batch's changes were made");
    }
  };

  /** Throws what one of them threw; then nothing of the batch is written. */
  const perform = async (batch: readonly Job[]): Promise<unknown[]> => {
    left = new Map();
    try {
      const values: unknown[] = [];
      const isShared = batch.length > 1;
      if (isShared) await changeAtOnce(batch);
      for (const { work } of batch) {
        const value = isShared && isAfterChange(work) ? work.goOn(shared, true) : work(shared);
        values.push(value instanceof Promise ? await value : value);
      }
      for (const [write, items] of left) await write(transaction, items as never[]);
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

  const refuse = (batch: readonly Job[], why: unknown): void => {
    for (const job of batch) job.reject(why);
  };

  /** Never rejects. */
  const makeDurable = async (committed: readonly [Job, unknown][]): Promise<void> => {
    try {
      await sync();
      for (const [job, value] of committed) job.resolve(value);
    } catch (cause) {
      // The system drops what it could not write and says so once: later syncs would seem to work
      // over the gap, behind which recovery finds nothing. https://wiki.postgresql.org/wiki/Fsync_Errors
      failure = syncFailure(cause);
      for (const [job] of committed) job.reject(failure);
    }
  };

  const settle = async (batch: readonly Job[]): Promise<void> => {
    if (failure) return refuse(batch, failure);
    try {
      begin.run([]);
    } catch (cause) {
      // Another process keeps the lock: to wait for it once more for each would hold up the event loop.
      return refuse(batch, asStoreError(cause));
    }
    try {
      const values = await perform(batch);
      const durable: [Job, unknown][] = [];
      for (const [index, job] of batch.entries()) {
        if (job.isDurable) durable.push([job, values[index]]);
        else job.resolve(values[index]);
      }
      if (durable.length > 0) syncing = makeDurable(durable);
    } catch (cause) {
      if (batch.length === 1) refuse(batch, asStoreError(cause));
      // Nothing of the batch is written: each alone, so that only who failed fails.
      else {
        for (const job of batch) {
          await settle([job]);
          await syncing;
        }
      }
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
      await syncing;
      const batch = changesFirst(queue);
      queue = [];
      await settle(batch);
      if (!failure) await written(batch.length);
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
    check: () => {
      if (failure) throw failure;
    },
    drained: async () => {
      while (running) await running;
      await syncing;
    },
  };
};

/** Nothing else stands between a change and the work that goes on from it, which it might undo: an erasure, say. */
const changesFirst = (batch: readonly Job[]): readonly Job[] => [
  ...batch.filter(({ work }) => isAfterChange(work)),
  ...batch.filter(({ work }) => !isAfterChange(work)),
];

const addTo = <Key>(lists: Map<Key, unknown[]>, key: Key, item: unknown): void => {
  const others = lists.get(key);
  if (others) others.push(item);
  else lists.set(key, [item]);
};

const syncFailure = (cause: unknown): StoreError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(
    `the disk did not keep what was written (${why}): nothing more is done; check it, then restart`,
    { cause },
  );
};
