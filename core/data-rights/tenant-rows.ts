import { statement } from "../store/statement.ts";

// Statements that erase a tenant; each names it.

interface Of {
  readonly tenantId: string;
}

export const destroyKeys = statement<Of>()((db, arg) =>
  db.deleteFrom("data_keys").where("tenant_id", "=", arg("tenantId")),
);

export const eraseApiKeys = statement<Of>()((db, arg) =>
  db.deleteFrom("api_keys").where("tenant_id", "=", arg("tenantId")),
);

export const eraseChannelState = statement<Of>()((db, arg) =>
  db.deleteFrom("channel_state").where("tenant_id", "=", arg("tenantId")),
);

export const eraseCosts = statement<Of>()((db, arg) =>
  db.deleteFrom("model_costs").where("tenant_id", "=", arg("tenantId")),
);

export const eraseBuckets = statement<Of>()((db, arg) =>
  db.deleteFrom("rate_limits").where("tenant_id", "=", arg("tenantId")),
);

export const eraseAllReviews = statement<Of>()((db, arg) =>
  db.deleteFrom("reviews").where("tenant_id", "=", arg("tenantId")),
);

export const eraseAllConsents = statement<Of>()((db, arg) =>
  db.deleteFrom("consents").where("tenant_id", "=", arg("tenantId")),
);

/** Ids of a tenant's messages behind a place. */
export const inboxAfter = statement<Of & { after: number; limit: number }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", ">", arg("after"))
    .orderBy("id")
    .limit(arg("limit")),
);

/** Removes a stretch of a tenant's messages, replies included. */
export const eraseInbox = statement<Of & { after: number; upTo: number }>()((db, arg) =>
  db
    .deleteFrom("inbox")
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", ">", arg("after"))
    .where("id", "<=", arg("upTo")),
);

/** The oldest that a tenant remembers. */
export const oldestExchanges = statement<Of & { limit: number }>()((db, arg) =>
  db
    .selectFrom("memory")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .orderBy("id")
    .limit(arg("limit")),
);

/** Removes what a tenant remembers up to a place. */
export const eraseExchanges = statement<Of & { upTo: Uint8Array }>()((db, arg) =>
  db.deleteFrom("memory").where("tenant_id", "=", arg("tenantId")).where("id", "<=", arg("upTo")),
);

/** Forgets by which folding a tenant's memory was indexed. */
export const eraseFolding = statement<Of>()((db, arg) =>
  db.deleteFrom("memory_foldings").where("tenant_id", "=", arg("tenantId")),
);
