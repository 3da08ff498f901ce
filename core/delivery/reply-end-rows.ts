import { sql } from "kysely";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";
import { MANY, type ManyIds } from "./many-ids.ts";

// Statements that end a message whose reply went out, or cannot; they run in its tenant's scope.

/** Every part of its reply is out. */
export const finishMessage = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ state: "done" })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "answered")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("outbox")
            .select("part")
            .where("inbox_id", "=", arg("id"))
            .where("tenant_id", "=", arg("tenantId"))
            .where(stateOfRow, "=", "pending"),
        ),
      ),
    ),
);

/** The same for as many messages of a tenant as `manyIds` names. */
export const finishMessages = statement<ManyIds>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ state: "done" })
    .where("id", "in", MANY.map(arg))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "answered")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("outbox")
            .select("part")
            .whereRef("outbox.inbox_id", "=", "inbox.id")
            .where("outbox.tenant_id", "=", arg("tenantId"))
            .where(sql<string>`outbox.state || ''`, "=", "pending"),
        ),
      ),
    ),
);

/** Its reply cannot be delivered. */
export const buryMessage = statement<{ tenantId: string; id: number; reason: string }>()(
  (db, arg) =>
    db
      .updateTable("inbox")
      .set({ state: "dead", reason: arg("reason") })
      .where("id", "=", arg("id"))
      .where("tenant_id", "=", arg("tenantId"))
      .where(stateOfRow, "=", "answered"),
);
