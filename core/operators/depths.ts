import { sql } from "kysely";
import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import { type Operator, readingAs } from "./operator.ts";
import type { QueueState } from "./queue-entry.ts";

/** How much of a tenant's work is in one state, and how long its oldest has been with us. */
export interface Depth {
  readonly tenantId: string;
  readonly state: QueueState;
  readonly messages: number;
  /** Since the oldest arrived. */
  readonly oldestAgeSeconds: number;
}

/**
 * Ages and depths of everything that is not done, by tenant and state; counts only, nobody's
 * content. Tenants and states with nothing are left out. Goes through the index entries of all of
 * it: up to seconds for a million messages, so not for every request of everybody.
 */
export const readDepths = async (
  store: Store,
  now: Date,
  operator: Pick<Operator, "tenantId"> = {},
): Promise<readonly Depth[]> => {
  const { tenantId = "" } = operator;
  const reach = operator.tenantId === undefined ? "all" : "tenant";
  return store.read(readingAs(operator), async (transaction) => {
    const depths: Depth[] = [];
    for (const [state, counted] of COUNTS[reach]) {
      for (const row of await transaction.all(counted, { tenantId })) {
        const ageMs = now.getTime() - row.oldestAt;
        const oldestAgeSeconds = Math.max(0, Math.floor(ageMs / 1000));
        depths.push({ tenantId: row.tenantId, state, messages: row.messages, oldestAgeSeconds });
      }
    }
    return depths;
  });
};

const countOf = (state: "pending" | "answered" | "dead", reach: "tenant" | "all") =>
  statement<{ tenantId: string }>()((db, arg) =>
    db
      .selectFrom((eb) =>
        eb
          .selectFrom("inbox")
          // Ids and not times: they are in the index, and grow with the time.
          .select((of) => [
            "tenant_id as tenantId",
            of.fn.countAll<number>().as("messages"),
            of.fn.min("id").as("oldestId"),
          ])
          // A literal: a partial index is used only where the text shows that it fits.
          .where("state", "=", sql.lit(state))
          .$if(reach === "tenant", (query) => query.where("tenant_id", "=", arg("tenantId")))
          .groupBy("tenant_id")
          .as("depth"),
      )
      .innerJoin("inbox", "inbox.id", "depth.oldestId")
      .select(["depth.tenantId", "depth.messages", "inbox.received_at as oldestAt"])
      .orderBy("depth.tenantId"),
  );

const countsFor = (reach: "tenant" | "all") =>
  [
    ["waiting", countOf("pending", reach)],
    ["sending", countOf("answered", reach)],
    ["dead", countOf("dead", reach)],
  ] as const;

const COUNTS = { tenant: countsFor("tenant"), all: countsFor("all") };
