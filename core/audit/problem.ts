import type { Selectable } from "kysely";
import type { AuditHeadsTable } from "../store/schema.ts";
import { digestOf, linkHash } from "./chain.ts";
import { recordIn, type StoredRecord } from "./stored-record.ts";

/** What became of a record that is not as it was written. */
export type ProblemCode =
  | "CHANGED"
  | "MISSING"
  | "OUT_OF_ORDER"
  | "TRUNCATED"
  | "INSERTED"
  | "ROLLED_BACK"
  | "NOT_AS_SWORN"
  | "BAD_CUT"
  | "UNREADABLE";

/** The first place where a chain is not whole. */
export interface Problem {
  readonly seq: number;
  readonly code: ProblemCode;
  /** In words, with what to make of it. */
  readonly message: string;
}

/** Where a chain has got to and where it begins, as it lies in the store. */
export type StoredHead = Selectable<AuditHeadsTable>;

/** How far a chain was found whole: its last record's number, hash and time. */
export interface Place {
  readonly seq: number;
  readonly hash: Uint8Array;
  /** Absent where that record was removed for its age. */
  readonly recorded_at?: number;
}

/** The place of a record behind another one, or why it is not the record that was written there. */
export const placeAfter = (before: Place, stored: StoredRecord): Place | Problem => {
  const seq = before.seq + 1;
  const row = recordIn(stored);
  if (!row || !same(linkHash(row.prev, row, digestOf(row)), row.hash)) {
    return { seq, code: "CHANGED", message: `record ${seq} is not what was written` };
  }
  if (!same(row.prev, before.hash)) {
    return {
      seq,
      code: "OUT_OF_ORDER",
      message: `record ${seq} does not follow the record before it: one of them was put there or exchanged`,
    };
  }
  if (row.recorded_at < (before.recorded_at ?? 0)) {
    return { seq, code: "OUT_OF_ORDER", message: `record ${seq} is older than the one before it` };
  }
  return { seq, hash: row.hash, recorded_at: row.recorded_at };
};

/** Nothing is at a number, though something is behind it. */
export const missing = (seq: number): Problem => ({
  seq,
  code: "MISSING",
  message: `record ${seq} is missing, while later ones are there`,
});

/** What stands in front of where every chain begins; undefined for a chain's own beginning. */
export const problemInFront = (first: { readonly seq: number } | undefined): Problem | undefined =>
  first && !(first.seq >= 1)
    ? { seq: first.seq, code: "INSERTED", message: `record ${first.seq} was put in front of all` }
    : undefined;

/** What is wrong with a head that nobody of us can have written. */
export const problemOfHead = (head: StoredHead): Problem | undefined => {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const isWhole =
    isCount(head.seq) &&
    Number.isSafeInteger(head.recorded_at) &&
    head.hash instanceof Uint8Array &&
    isCount(head.cut_seq) &&
    (head.cut_seq > 0 ||
      [head.cut_hash, head.cut_at, head.cut_signature].every((value) => value === null));
  if (isWhole) return undefined;
  const seq = isCount(head.seq) ? head.seq : 0;
  return { seq, code: "CHANGED", message: "the log's head is not what was written" };
};

/** Why a chain that was gone through to this place does not end there as its head says. */
export const problemAtEnd = (head: StoredHead, at: Place): Problem | undefined => {
  const bad = problemOfHead(head);
  if (bad) return bad;
  if (head.seq > at.seq) {
    const message = `the log ends with record ${at.seq}, but ${head.seq} were written`;
    return { seq: at.seq + 1, code: "TRUNCATED", message };
  }
  if (head.seq < at.seq) {
    const message = `record ${head.seq + 1} and those that follow were put there from outside`;
    return { seq: head.seq + 1, code: "INSERTED", message };
  }
  if (!same(head.hash, at.hash)) {
    const message = `record ${at.seq} is not the one that was written last: the chain was rewritten`;
    return { seq: at.seq, code: "CHANGED", message };
  }
  if (at.recorded_at === undefined || head.recorded_at === at.recorded_at) return undefined;
  const message = `the log's head does not bear the time of record ${at.seq}`;
  return { seq: at.seq, code: "CHANGED", message };
};

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
