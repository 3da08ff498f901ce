import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** Moves what SQLite's write-ahead log holds into the database, beside the event loop. */
export interface Checkpoints {
  /**
   * Tells of writes that were committed. A promise when the log's end is being moved, so that the log
   * can start anew: nothing may be committed before it resolves. It never rejects.
   */
  after(writes: number): Promise<void> | undefined;
  /**
   * Moves all of it and leaves the log empty, unless somebody's reader keeps it busy for half a second.
   * It never rejects.
   */
  empty(): Promise<void>;
  /** Lets what is under way end. */
  close(): Promise<void>;
}

/** Some 10 MiB of log: a page that is written often is moved once, and the end is short beside it. */
const WRITES_BETWEEN = 2_000;

// A connection of its own, since SQLite works where it is called. As text, because a thread loads
// JavaScript only, and a source file of ours is that only once it is built. A checkpoint that fails
// (a full disk) leaves the log as it is; the next one tries again.
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const Libsql = require(workerData.libsql);
const database = new Libsql(workerData.file);
database.exec("PRAGMA synchronous = NORMAL");
database.exec("PRAGMA busy_timeout = 500");
const checkpoints = {
  move: database.prepare("PRAGMA wal_checkpoint(PASSIVE)"),
  empty: database.prepare("PRAGMA wal_checkpoint(TRUNCATE)"),
};
parentPort.on("message", (word) => {
  if (word === "close") {
    database.close();
    return parentPort.close();
  }
  try {
    checkpoints[word].get([]);
  } catch {}
  parentPort.postMessage("done");
});
`;

/**
 * While others write, a checkpoint never reaches the log's end, and the log grows for good. So a first
 * one moves what there is while work goes on, and a second one, for which writers wait, the rest.
 * @see https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
 */
export const createCheckpoints = (file: string, writesBetween = WRITES_BETWEEN): Checkpoints => {
  let writes = 0;
  let thread: Worker | undefined;
  let state: "idle" | "moving" | "moved" = "idle";

  const open = (): Worker => {
    const libsql = createRequire(import.meta.url).resolve("libsql");
    const opened = new Worker(THREAD, { eval: true, workerData: { file, libsql } });
    // A thread that fails moves nothing; SQLite's own checkpoint is there for that, the next is a new one.
    opened.on("error", () => {});
    opened.once("exit", () => {
      if (thread === opened) thread = undefined;
    });
    opened.unref();
    return opened;
  };

  /** Never rejects. */
  const askThread = async (word: "move" | "empty"): Promise<void> => {
    try {
      thread ??= open();
    } catch {
      // The system gives us no thread for now: as with one that fails.
      return;
    }
    const mover = thread;
    // Who is waited for keeps the process alive: Node would take a program that waits for nothing else for done.
    mover.ref();
    await new Promise<void>((resolve) => {
      const end = (): void => {
        mover.off("message", end).off("exit", end);
        mover.unref();
        resolve();
      };
      mover.on("message", end).on("exit", end);
      mover.postMessage(word);
    });
  };
  // One at a time: an answer does not say what it is to.
  let asked: Promise<void> = Promise.resolve();
  const ask = (word: "move" | "empty"): Promise<void> => {
    asked = asked.then(() => askThread(word));
    return asked;
  };

  const begin = async (): Promise<void> => {
    writes = 0;
    state = "moving";
    await ask("move");
    state = "moved";
  };

  const finish = async (): Promise<void> => {
    await ask("move");
    state = "idle";
  };

  let underWay: Promise<void> = Promise.resolve();
  return {
    after(count) {
      writes += count;
      if (state === "moved") {
        underWay = finish();
        return underWay;
      }
      if (state === "idle" && writes >= writesBetween) underWay = begin();
      return undefined;
    },
    async empty() {
      // What there is while work goes on; writers wait for the rest alone.
      await ask("move");
      await ask("empty");
    },
    async close() {
      await underWay;
      await asked;
      const last = thread;
      if (!last) return;
      const exited = new Promise((resolve) => last.once("exit", resolve));
      last.ref();
      last.postMessage("close");
      await exited;
    },
  };
};
