import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/schema.ts";
import { statement } from "../store/statement.ts";

// Statements on the folding by which a tenant's memory is to be indexed; each names the tenant.

export interface Folding {
  readonly tenantId: string;
  /** What `tokensFingerprint` says of it. */
  readonly fingerprint: Uint8Array;
}

/** Puts this folding in the place of another one, with the next number. */
export const putFolding = statement<Folding>()((db, arg) =>
  db
    .insertInto("memory_foldings")
    .values({ tenant_id: arg("tenantId"), fingerprint: arg("fingerprint"), number: sql.lit(2) })
    .onConflict((conflict) =>
      conflict
        .column("tenant_id")
        .doUpdateSet({
          fingerprint: sql`excluded.fingerprint`,
          number: sql`memory_foldings.number + 1`,
        })
        .where("memory_foldings.fingerprint", "<>", arg("fingerprint")),
    ),
);

/** The number of this folding; no row where it is not the tenant's. */
export const foldingNumber = statement<Folding>()((db, arg) =>
  numberOf(db, arg("tenantId"), arg("fingerprint")),
);

/** Inside a statement: the number of this folding, or null where it is not the tenant's. */
export const numberOf = (db: Kysely<Tables>, tenantId: string, fingerprint: Uint8Array) =>
  db
    .selectFrom("memory_foldings")
    .select("number")
    .where("tenant_id", "=", tenantId)
    .where("fingerprint", "=", fingerprint);
