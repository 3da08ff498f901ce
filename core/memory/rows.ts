import { sql } from "kysely";
import { statement } from "../store/statement.ts";
import { type Folding, numberOf } from "./folding-rows.ts";
import { TOKEN_BYTES } from "./token-hash.ts";

// Statements on what is remembered; each names the tenant, in its text as well as in its transaction.

interface RowKey {
  readonly tenantId: string;
  readonly id: Uint8Array;
}

interface NewRow extends RowKey {
  readonly person: Uint8Array;
  readonly conversation: Uint8Array;
  readonly channel: string;
  readonly content: Uint8Array;
}

export const insertRow = statement<NewRow>(["channel"])((db, arg) =>
  db.insertInto("memory").values({
    tenant_id: arg("tenantId"),
    id: arg("id"),
    person: arg("person"),
    conversation: arg("conversation"),
    channel: arg("channel"),
    content: arg("content"),
  }),
);

/** The newest of a person's part of a conversation, newest first. */
export const newestOf = statement<{
  tenantId: string;
  person: Uint8Array;
  conversation: Uint8Array;
  limit: number;
}>()((db, arg) =>
  db
    .selectFrom("memory")
    .select(["id", "content"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .where("conversation", "=", arg("conversation"))
    .orderBy("id", "desc")
    .limit(arg("limit")),
);

export const rowById = statement<RowKey>()((db, arg) =>
  db
    .selectFrom("memory")
    .select(["id", "person", "channel", "content"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id")),
);

/** The ids of a person's rows, by conversation. */
export const idsOfPerson = statement<{ tenantId: string; person: Uint8Array; limit: number }>()(
  (db, arg) =>
    db
      .selectFrom("memory")
      .select("id")
      .where("tenant_id", "=", arg("tenantId"))
      .where("person", "=", arg("person"))
      // The order of the index: by age the whole tenant might be gone through.
      .orderBy("conversation")
      .orderBy("id")
      .limit(arg("limit")),
);

/** What a person's memory holds behind a place: one conversation after the other, each oldest first. */
export const rowsOfPerson = statement<{
  tenantId: string;
  person: Uint8Array;
  conversation: Uint8Array;
  id: Uint8Array;
  limit: number;
}>()((db, arg) =>
  db
    .selectFrom("memory")
    .select(["id", "person", "conversation", "channel", "content"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .where(sql<boolean>`(conversation, id) > (${arg("conversation")}, ${arg("id")})`)
    .orderBy("conversation")
    .orderBy("id")
    .limit(arg("limit")),
);

/** Rows that cannot be found by their words yet, newest first: they are looked for first. */
export const unindexedRows = statement<{ tenantId: string; limit: number }>()((db, arg) =>
  db
    .selectFrom("memory")
    .select(["id", "content", "indexed"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("indexed", "=", sql.lit(0))
    .orderBy("id", "desc")
    .limit(arg("limit")),
);

/** Rows that were indexed by a folding before this one; none where this one is not the tenant's. */
export const olderRows = statement<Folding & { limit: number }>()((db, arg) =>
  db
    .selectFrom("memory")
    .select(["id", "content", "indexed"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("indexed", "<", numberOf(db, arg("tenantId"), arg("fingerprint")))
    // The order of the index.
    .orderBy("indexed")
    .orderBy("id")
    .limit(arg("limit")),
);

/** Takes a row to index it by the folding of that number, unless it was erased or done since it was read. */
export const markIndexed = statement<RowKey & { was: number; number: number }>()((db, arg) =>
  db
    .updateTable("memory")
    .set({ indexed: arg("number") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where("indexed", "=", arg("was")),
);

/**
 * Stores a row's tokens, so many bytes each and one behind the other in `tokens`. As one value they
 * cost SQLite a quarter less than bound one by one, and any number of them is one statement. Without
 * its WHERE, SQLite would take the ON behind it for a join's.
 */
export const insertTokens = statement<
  RowKey & { readonly tokens: Uint8Array; readonly bytes: number }
>()((db, arg, dialect) => {
  // PostgreSQL would take it for text.
  const tokens = dialect === "sqlite" ? arg("tokens") : sql`cast(${arg("tokens")} as bytea)`;
  const each = sql.lit(TOKEN_BYTES);
  return db
    .insertInto("memory_tokens")
    .columns(["tenant_id", "token", "memory_id"])
    .expression(
      sql`WITH RECURSIVE place(at) AS (
            SELECT 1 UNION ALL SELECT at + ${each} FROM place WHERE at + ${each} <= ${arg("bytes")}
          )
          SELECT ${arg("tenantId")}, substr(${tokens}, at, ${each}), ${arg("id")} FROM place WHERE true`,
    )
    .onConflict((conflict) => conflict.doNothing());
});

/** The newest rows with a token, newest first. */
export const rowsWithToken = statement<{ tenantId: string; token: Uint8Array; limit: number }>()(
  (db, arg) =>
    db
      .selectFrom("memory_tokens")
      .select("memory_id")
      .where("tenant_id", "=", arg("tenantId"))
      .where("token", "=", arg("token"))
      .orderBy("memory_id", "desc")
      .limit(arg("limit")),
);

/** The names of the places for rows in `rowsAmong`. */
export const ROW_PLACES = Array.from({ length: 64 }, (_, place) => `row${place}` as const);

/** Which of so many rows have a token; one may be named more than once. */
export const rowsAmong = statement<
  { tenantId: string; token: Uint8Array } & Readonly<
    Record<(typeof ROW_PLACES)[number], Uint8Array>
  >
>()((db, arg) =>
  db
    .selectFrom("memory_tokens")
    .select("memory_id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("token", "=", arg("token"))
    .where("memory_id", "in", ROW_PLACES.map(arg)),
);

export const tokensOfRow = statement<RowKey>()((db, arg) =>
  db
    .selectFrom("memory_tokens")
    .select("token")
    .where("tenant_id", "=", arg("tenantId"))
    .where("memory_id", "=", arg("id")),
);

export const eraseToken = statement<RowKey & { token: Uint8Array }>()((db, arg) =>
  db
    .deleteFrom("memory_tokens")
    .where("tenant_id", "=", arg("tenantId"))
    .where("token", "=", arg("token"))
    .where("memory_id", "=", arg("id")),
);

/** The tokens of one row. */
export const eraseTokensOf = statement<RowKey>()((db, arg) =>
  db
    .deleteFrom("memory_tokens")
    .where("tenant_id", "=", arg("tenantId"))
    .where("memory_id", "=", arg("id")),
);

/** Erases one row; its tokens come after it. */
export const eraseRow = statement<RowKey>()((db, arg) =>
  db.deleteFrom("memory").where("tenant_id", "=", arg("tenantId")).where("id", "=", arg("id")),
);

/** Gives the ids of what it erases: the tokens come after the rows, which nobody can index then. */
export const eraseRowsOfPerson = statement<{ tenantId: string; person: Uint8Array }>()((db, arg) =>
  db
    .deleteFrom("memory")
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .returning("id"),
);
