import { statement } from "../store/statement.ts";

// Statements on what people decided about being processed; each names the tenant.

interface PersonKey {
  readonly tenantId: string;
  readonly person: Uint8Array;
}

export const insertConsent = statement<
  PersonKey & {
    id: Uint8Array;
    decision: "yes" | "no";
    wording: string;
    content: Uint8Array;
  }
>()((db, arg) =>
  db.insertInto("consents").values({
    tenant_id: arg("tenantId"),
    person: arg("person"),
    id: arg("id"),
    decision: arg("decision"),
    wording: arg("wording"),
    content: arg("content"),
  }),
);

/** The last decision of a person. */
export const latestConsent = statement<PersonKey>()((db, arg) =>
  db
    .selectFrom("consents")
    .select(["id", "decision", "wording"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .orderBy("id", "desc")
    .limit(1),
);

/** Every decision of a person, oldest first. */
export const consentsOf = statement<PersonKey>()((db, arg) =>
  db
    .selectFrom("consents")
    .select(["id", "decision", "wording"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .orderBy("id"),
);
