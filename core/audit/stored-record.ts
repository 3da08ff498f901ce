import { isUtf8 } from "node:buffer";
import { type RawBuilder, sql } from "kysely";
import type { AuditTable } from "../store/schema.ts";
import type { DialectName } from "../store/statement.ts";
import type { AuditRow } from "./chain.ts";

const TEXTS = [
  ...(["trace_id", "channel", "workspace_id", "sender_id", "message_key"] as const),
  ...(["action", "subject", "decision", "code", "detail"] as const),
];
const OTHERS = [
  ...(["tenant_id", "seq", "at", "recorded_at", "duration_ms"] as const),
  ...(["personal", "actor_tag", "prev", "hash"] as const),
];
type TextColumn = (typeof TEXTS)[number];

/** A record as it lies in the store, where somebody may have been at it: its text as bytes. */
export type StoredRecord = Omit<AuditRow, TextColumn> &
  Readonly<Record<TextColumn, string | Uint8Array>> & {
    /** 1 = what should be text is text. */
    readonly is_text: number;
  };

/**
 * What to select for a StoredRecord. SQLite takes anything into any column, and a text with one bit
 * flipped may be no UTF-8 any more, on which libsql ends the process; at a NUL it cuts a text off,
 * so that what stands behind it would not be seen. PostgreSQL lets neither in.
 */
export const storedColumns = (dialect: DialectName) => {
  const isSqlite = dialect === "sqlite";
  const stored = (name: TextColumn): RawBuilder<string | Uint8Array> =>
    isSqlite ? sql`cast(${sql.ref(name)} as blob)` : sql`${sql.ref(name)}`;
  const isText = TEXTS.map((name) => sql`typeof(${sql.ref(name)}) = 'text'`);
  const all = isSqlite ? sql<number>`(${sql.join(isText, sql` and `)})` : sql<number>`1`;
  return [
    ...OTHERS,
    ...TEXTS.map((name) => stored(name).as(name)),
    all.as("is_text"),
  ] as const satisfies readonly unknown[];
};

/** The record; undefined where none can have been written like this. */
export const recordIn = (stored: StoredRecord): AuditRow | undefined => {
  const { is_text, ...row } = stored;
  const isWhole =
    is_text === 1 &&
    [row.seq, row.at, row.recorded_at, row.duration_ms].every(Number.isSafeInteger) &&
    [row.prev, row.hash].every((value) => isBytes(value) && value.length === HASH_BYTES) &&
    [row.personal, row.actor_tag].every((value) => value === null || isBytes(value)) &&
    TEXTS.map((name) => stored[name]).every((value) => !isBytes(value) || isUtf8(value));
  return isWhole ? { ...row, ...textsOf(stored) } : undefined;
};

/** The same for people to look at, whatever somebody made of it: what cannot be read is left out. */
export const shownRecord = (stored: StoredRecord): AuditRow => {
  const number = (value: number): number =>
    Number.isSafeInteger(value) && Math.abs(value) <= LATEST_MS ? value : 0;
  const { is_text, ...row } = stored;
  return {
    ...row,
    ...textsOf(stored),
    at: number(row.at),
    duration_ms: number(row.duration_ms),
    personal: row.personal === null || isBytes(row.personal) ? row.personal : Buffer.alloc(0),
    hash: isBytes(row.hash) ? row.hash : Buffer.alloc(0),
  };
};

const HASH_BYTES = 32;
/** What a `Date` can hold. @see https://tc39.es/ecma262/#sec-time-values-and-time-range */
const LATEST_MS = 8.64e15;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

const textsOf = (stored: StoredRecord): Pick<AuditTable, TextColumn> => {
  const text = (name: TextColumn): string => {
    const value = stored[name];
    return isBytes(value) ? Buffer.from(value).toString("utf8") : value;
  };
  return {
    trace_id: text("trace_id"),
    channel: text("channel"),
    workspace_id: text("workspace_id"),
    sender_id: text("sender_id"),
    message_key: text("message_key"),
    action: text("action"),
    subject: text("subject"),
    decision: text("decision"),
    code: text("code"),
    detail: text("detail"),
  };
};
