import type { Access } from "./scope.ts";
import type { DialectName, Statement } from "./statement.ts";

/** Everything the gateway remembers: one schema, embedded SQLite or PostgreSQL below. */
export interface Store {
  readonly dialect: DialectName;
  /** Reads what is committed. */
  read<T>(access: Access, work: Work<T>): Promise<T>;
  /**
   * Runs `work` in a transaction and resolves once the commit survives a power loss. One that throws
   * is rolled back alone. `work` may run more than once, so it does nothing but call its transaction.
   */
  write<T>(access: Access, work: Work<T>): Promise<T>;
  /** Like `write`, but the commit survives only the death of the process: for what may be redone. */
  note<T>(access: Access, work: Work<T>): Promise<T>;
  /**
   * After an erasure: has the store's own files forget what was removed, as far as they are ours. An
   * embedded store's log does it later where others keep it busy. Never rejects.
   */
  forget(): Promise<void>;
  /** Lets what is under way end, then closes. */
  close(): Promise<void>;
}

export type Work<T> = (transaction: Transaction) => Answer<T>;

/** The value itself where it is known at once, as all is that SQLite answers: it costs no promise there. */
export type Answer<T> = T | Promise<T>;

/** Statements inside one transaction; each throws StoreError, or rejects with it, when the database refuses it. */
export interface Transaction {
  /** All rows. */
  all<Args, Row>(statement: Statement<Args, Row>, args: NoInfer<Args>): Answer<Row[]>;
  /** The first row. */
  first<Args, Row>(statement: Statement<Args, Row>, args: NoInfer<Args>): Answer<Row | undefined>;
  /** How many rows were changed. */
  run<Args>(statement: Statement<Args, unknown>, args: NoInfer<Args>): Answer<number>;
  /** The same where nobody asks how many: SQLite's driver takes as long to answer that as for a short write. */
  execute<Args>(statement: Statement<Args, unknown>, args: NoInfer<Args>): Answer<void>;
  /** The id that the database gave the new row; undefined when a conflict clause kept it out. */
  insert<Args>(
    statement: Statement<Args, unknown>,
    args: NoInfer<Args>,
  ): Answer<number | undefined>;
  /**
   * Leaves something to `write`, which writes it at the end, at once with all that was left to it by
   * works that share the commit. Until then no statement sees it.
   */
  leave<Item>(write: WriteAll<Item>, item: Item): Answer<void>;
}

/** Writes what was left to it; the first is what was left first. */
export type WriteAll<Item> = (transaction: Transaction, items: readonly Item[]) => Answer<void>;
