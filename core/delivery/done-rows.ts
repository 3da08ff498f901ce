import { statement } from "../store/statement.ts";

// Statements that forget what is done; they run with `intake` access.

/** A window of the oldest rows, to look for what can be forgotten. */
export const oldest = statement<{ after: number; limit: number }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "state", "received_at"])
    .where("id", ">", arg("after"))
    .orderBy("id")
    .limit(arg("limit")),
);

/** Removes finished messages of a stretch of ids, replies included, but for tenants with a legal hold. */
export const removeDone = statement<{ after: number; upTo: number; before: number }>()((db, arg) =>
  db
    .deleteFrom("inbox")
    .where("id", ">", arg("after"))
    .where("id", "<=", arg("upTo"))
    .where("state", "=", "done")
    .where("received_at", "<", arg("before"))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("legal_holds")
            .select("legal_holds.since")
            .whereRef("legal_holds.tenant_id", "=", "inbox.tenant_id"),
        ),
      ),
    ),
);
