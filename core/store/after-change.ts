import { whenThere } from "../when-there.ts";
import type { Answer, Transaction, Work } from "./store.ts";

/** Changes the row of each item, as far as there is one to change; how many were. */
export type ChangeAll<Item> = (transaction: Transaction, items: readonly Item[]) => Answer<number>;

/** A work that depends on a change of one row, which a store may make for it, at once with those of others. */
export interface WorkAfterChange<T> extends Work<T> {
  readonly changeAll: ChangeAll<never>;
  readonly item: unknown;
  /** The work itself, the change being made or not. */
  readonly goOn: (transaction: Transaction, isChanged: boolean) => Answer<T>;
}

/**
 * Makes a change and goes on, knowing whether there was anything to change. Where works share a commit, what
 * they change by the same `changeAll` is changed at once, before the first of them.
 */
export const afterChange = <Item, T>(
  changeAll: ChangeAll<Item>,
  item: Item,
  goOn: WorkAfterChange<T>["goOn"],
): WorkAfterChange<T> => {
  const alone: Work<T> = (transaction) =>
    whenThere(changeAll(transaction, [item]), (changed) => goOn(transaction, changed > 0));
  return Object.assign(alone, { changeAll, item, goOn });
};

export const isAfterChange = <T>(work: Work<T>): work is WorkAfterChange<T> => "changeAll" in work;
