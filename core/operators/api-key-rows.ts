import type { Selectable } from "kysely";
import type { ApiKeysTable } from "../store/schema.ts";
import { statement } from "../store/statement.ts";

// Statements on API keys; those that change one run in the scope of the key's tenant.

/** A key's record without its hash. */
export type ApiKeyRow = Omit<Selectable<ApiKeysTable>, "hash">;

const PUBLIC = [
  "tenant_id",
  "id",
  "label",
  "permissions",
  "created_at",
  "expires_at",
  "revoked_at",
] as const;

export const insertApiKey = statement<Omit<Selectable<ApiKeysTable>, "revoked_at">>()((db, arg) =>
  db.insertInto("api_keys").values({
    tenant_id: arg("tenant_id"),
    id: arg("id"),
    hash: arg("hash"),
    label: arg("label"),
    permissions: arg("permissions"),
    created_at: arg("created_at"),
    expires_at: arg("expires_at"),
    revoked_at: 0,
  }),
);

/** The whole record, to verify a key by. */
export const apiKeyToVerify = statement<{ tenantId: string; id: string }>()((db, arg) =>
  db
    .selectFrom("api_keys")
    .selectAll()
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id")),
);

/** Keys by tenant and age. */
export const apiKeysOf = (reach: "tenant" | "all") =>
  statement<{ tenantId: string }>()((db, arg) =>
    db
      .selectFrom("api_keys")
      .select(PUBLIC)
      .$if(reach === "tenant", (query) => query.where("tenant_id", "=", arg("tenantId")))
      .orderBy("tenant_id")
      .orderBy("created_at")
      .orderBy("id"),
  );

/** A key's record by its public id. */
export const apiKeyById = (reach: "tenant" | "all") =>
  statement<{ tenantId: string; id: string }>()((db, arg) =>
    db
      .selectFrom("api_keys")
      .select(PUBLIC)
      .where("id", "=", arg("id"))
      .$if(reach === "tenant", (query) => query.where("tenant_id", "=", arg("tenantId"))),
  );

/** Ends a key for good; one that was ended before keeps its time. */
export const revokeApiKey = statement<{ tenantId: string; id: string; now: number }>()((db, arg) =>
  db
    .updateTable("api_keys")
    .set({ revoked_at: arg("now") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where("revoked_at", "=", 0),
);
