import { sql } from "kysely";
import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";

/** How much of a tenant's work is in one state, and how long its oldest has been there. */
export interface Depth {
  readonly tenantId: string;
  /** `waiting`: no reply yet. `sending`: not all of its reply is out. `dead`: an operator has to decide. */
  readonly state: "waiting" | "sending" | "dead";
  readonly messages: number;
  readonly oldestAt: Date;
}

/** Ages and depths of everything that is not done, by tenant; counts only, nobody's content. */
export const readDepths = async (store: Store): Promise<readonly Depth[]> =>
  store.read("operator", async (transaction) => {
    const depths: Depth[] = [];
    for (const [state, counted] of STATES) {
      for (const row of await transaction.all(counted, {})) {
        const { tenantId, messages, oldestAt } = row;
        depths.push({ tenantId, state, messages, oldestAt: new Date(oldestAt) });
      }
    }
    return depths;
  });

const countOf = (state: "pending" | "answered" | "dead") =>
  statement<object>()((db) =>
    db
      .selectFrom("inbox")
      .select((eb) => [
        "tenant_id as tenantId",
        eb.fn.countAll<number>().as("messages"),
        eb.fn.min("received_at").as("oldestAt"),
      ])
      // A literal: a partial index is used only where the text shows that it fits.
      .where("state", "=", sql.lit(state))
      .groupBy("tenant_id"),
  );

const STATES = [
  ["waiting", countOf("pending")],
  ["sending", countOf("answered")],
  ["dead", countOf("dead")],
] as const;
