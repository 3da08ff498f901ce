import { type Insertable, sql } from "kysely";
import type { AuditHeadsTable } from "../store/schema.ts";
import { type DialectName, statement } from "../store/statement.ts";
import type { AuditFacts, AuditRow } from "./chain.ts";
import { storedColumns } from "./stored-record.ts";

// Statements on the audit log and the heads of its chains.

/** What a record says of a message, whose `personal` holds it. */
const SEALED = { sender_id: "", message_key: "", detail: "{}" };
/** What it says of a text that was answered, as most are. */
const ANSWERED = { action: "message", subject: "text", decision: "answered", code: "OK" };

const inserting = (
  same: Partial<typeof SEALED & typeof ANSWERED>,
  words: readonly "channel"[] = [],
) =>
  statement<AuditRow>(words)((db, arg) =>
    db.insertInto("audit").values({
      tenant_id: arg("tenant_id"),
      seq: arg("seq"),
      at: arg("at"),
      recorded_at: arg("recorded_at"),
      trace_id: arg("trace_id"),
      channel: arg("channel"),
      workspace_id: arg("workspace_id"),
      sender_id: arg("sender_id"),
      message_key: arg("message_key"),
      action: arg("action"),
      subject: arg("subject"),
      decision: arg("decision"),
      code: arg("code"),
      duration_ms: arg("duration_ms"),
      detail: arg("detail"),
      personal: arg("personal"),
      actor_tag: arg("actor_tag"),
      prev: arg("prev"),
      hash: arg("hash"),
      ...same,
    }),
  );

const insertAny = inserting({});
const insertSealed = inserting(SEALED);
const insertAnswered = inserting({ ...SEALED, ...ANSWERED }, ["channel"]);

/**
 * What stores a record. The words that messages' records share stand in its text: to bind each takes
 * 0.3 µs. PostgreSQL overwrites place and hash; see the migration that chains the log.
 */
export const insertRecord = (facts: AuditFacts) => {
  const isSealed =
    facts.sender_id === SEALED.sender_id &&
    facts.message_key === SEALED.message_key &&
    facts.detail === SEALED.detail;
  if (!isSealed) return insertAny;
  const isAnswered =
    facts.action === ANSWERED.action &&
    facts.subject === ANSWERED.subject &&
    facts.decision === ANSWERED.decision &&
    facts.code === ANSWERED.code;
  return isAnswered ? insertAnswered : insertSealed;
};

/** Where a tenant's chain has got to. */
export const headOf = statement<{ tenant_id: string }>()((db, arg) =>
  db
    .selectFrom("audit_heads")
    .select(["seq", "recorded_at", "hash"])
    .where("tenant_id", "=", arg("tenant_id")),
);

type NewHead = Pick<Insertable<AuditHeadsTable>, "tenant_id" | "hash"> & {
  readonly seq: number;
  readonly recorded_at: number;
};

// SQLite only: in PostgreSQL the database itself keeps the heads.

/** Moves a chain's head, if it still is what the caller believes it to be. */
export const moveHead = statement<NewHead & { was_seq: number; was_hash: Uint8Array }>()(
  (db, arg) =>
    db
      .updateTable("audit_heads")
      .set({ seq: arg("seq"), recorded_at: arg("recorded_at"), hash: arg("hash") })
      .where("tenant_id", "=", arg("tenant_id"))
      .where("seq", "=", arg("was_seq"))
      .where("hash", "=", arg("was_hash")),
);

/** Sets a chain's head, whatever it was. */
export const setHead = statement<NewHead>()((db, arg) =>
  db
    .insertInto("audit_heads")
    .values({
      tenant_id: arg("tenant_id"),
      seq: arg("seq"),
      recorded_at: arg("recorded_at"),
      hash: arg("hash"),
    })
    .onConflict((conflict) =>
      conflict.column("tenant_id").doUpdateSet((eb) => ({
        seq: eb.ref("excluded.seq"),
        recorded_at: eb.ref("excluded.recorded_at"),
        hash: eb.ref("excluded.hash"),
      })),
    ),
);

/**
 * Whether a tenant's id can be one. In SQLite one bit flipped may leave bytes that are no text, and
 * reading them ends the process; that its tenant's chain is not whole is found all the same.
 */
const isReadable = (dialect: DialectName) =>
  dialect === "sqlite" ? sql<boolean>`tenant_id not glob '*[^a-z0-9_-]*'` : sql<boolean>`true`;

/** Where all chains have got to, and where they begin. */
export const allHeads = statement<object>()((db, _arg, dialect) =>
  db.selectFrom("audit_heads").selectAll().where(isReadable(dialect)).orderBy("tenant_id"),
);

/** Where a tenant's chain has got to, and where it begins. */
export const wholeHeadOf = statement<{ tenant_id: string }>()((db, arg) =>
  db.selectFrom("audit_heads").selectAll().where("tenant_id", "=", arg("tenant_id")),
);

/** The next tenant that has records; goes from one to the next without reading what is between. */
export const tenantAfter = statement<{ tenant_id: string }>()((db, arg, dialect) =>
  db
    .selectFrom("audit")
    .select("tenant_id")
    .where("tenant_id", ">", arg("tenant_id"))
    .where(isReadable(dialect))
    .orderBy("tenant_id")
    .limit(1),
);

/** A tenant's records behind a number, in their order. */
export const recordsAfter = statement<{ tenant_id: string; after: number; limit: number }>()(
  (db, arg, dialect) =>
    db
      .selectFrom("audit")
      .select(storedColumns(dialect))
      .where("tenant_id", "=", arg("tenant_id"))
      .where("seq", ">", arg("after"))
      .orderBy("seq")
      .limit(arg("limit")),
);

/** When a record was put on record, and its hash. */
export const recordAt = statement<{ tenant_id: string; seq: number }>()((db, arg) =>
  db
    .selectFrom("audit")
    .select(["recorded_at", "hash"])
    .where("tenant_id", "=", arg("tenant_id"))
    .where("seq", "=", arg("seq")),
);

/** The oldest record that is there. */
export const firstRecord = statement<{ tenant_id: string }>()((db, arg) =>
  db
    .selectFrom("audit")
    .select("seq")
    .where("tenant_id", "=", arg("tenant_id"))
    .orderBy("seq")
    .limit(1),
);

/** Says that the chain begins behind this record; the database refuses it while that one is young. */
export const cutChain = statement<{
  tenant_id: string;
  seq: number;
  hash: Uint8Array;
  at: number;
  signature: Uint8Array;
}>()((db, arg) =>
  db
    .updateTable("audit_heads")
    .set({
      cut_seq: arg("seq"),
      cut_hash: arg("hash"),
      cut_at: arg("at"),
      cut_signature: arg("signature"),
    })
    .where("tenant_id", "=", arg("tenant_id")),
);

/** Removes the records up to this one; the database refuses it for what is behind the cut. */
export const removeRecords = statement<{ tenant_id: string; last: number }>()((db, arg) =>
  db.deleteFrom("audit").where("tenant_id", "=", arg("tenant_id")).where("seq", "<=", arg("last")),
);

/**
 * A tenant's records within (after, up_to] that fit, in their order. No index helps but the chain's
 * own: each would cost every message something, and this is asked for now and then.
 */
export const matchingRecords = statement<{
  tenant_id: string;
  after: number;
  up_to: number;
  from: number;
  to: number;
  /** 1 = whoever it was. */
  any_actor: number;
  actor: string;
  tag: Uint8Array;
  /** 1 = whatever it was. */
  any_action: number;
  action: string;
  limit: number;
}>()((db, arg, dialect) =>
  db
    .selectFrom("audit")
    .select(storedColumns(dialect))
    .where("tenant_id", "=", arg("tenant_id"))
    .where("seq", ">", arg("after"))
    .where("seq", "<=", arg("up_to"))
    .where("at", ">=", arg("from"))
    .where("at", "<", arg("to"))
    .where((eb) =>
      eb.or([
        eb(sql`cast(${arg("any_actor")} as integer)`, "=", 1),
        eb("sender_id", "=", arg("actor")),
        eb("actor_tag", "=", arg("tag")),
      ]),
    )
    .where((eb) =>
      eb.or([
        eb(sql`cast(${arg("any_action")} as integer)`, "=", 1),
        eb("action", "=", arg("action")),
      ]),
    )
    .orderBy("seq")
    .limit(arg("limit")),
);
