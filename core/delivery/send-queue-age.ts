import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";

/** What of one tenant's waits to be sent in one channel. */
export interface SendQueueAge {
  readonly tenantId: string;
  readonly channel: string;
  readonly parts: number;
  /** Since the oldest part was stored. */
  readonly oldestAgeSeconds: number;
}

/**
 * Depths and ages of what is stored and not delivered, by tenant and channel; nobody's content.
 * Goes through the index entries of all of it, once for each channel.
 */
export const readSendQueueAges = (
  store: Store,
  channels: readonly string[],
  now: Date,
): Promise<readonly SendQueueAge[]> =>
  store.read("operator", async (transaction) => {
    const ages: SendQueueAge[] = [];
    for (const channel of channels) {
      // A lane begins with its channel as JSON: see lane.ts. `-` comes right after `,`.
      const lane = `[${JSON.stringify(channel)}`;
      const place = { from: `${lane},`, to: `${lane}-` };
      for (const { tenantId, parts, createdAt } of await transaction.all(pendingOf, place)) {
        const ageMs = now.getTime() - createdAt;
        const oldestAgeSeconds = Math.max(0, Math.floor(ageMs / 1000));
        ages.push({ tenantId, channel, parts, oldestAgeSeconds });
      }
    }
    return ages;
  });

const pendingOf = statement<{ from: string; to: string }>()((db, arg) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom("outbox")
        .select((of) => [
          "tenant_id as tenantId",
          of.fn.countAll<number>().as("parts"),
          // Ids and not times: they are in the index, and grow with the time.
          of.fn.min("inbox_id").as("oldestId"),
        ])
        // A literal: a partial index is used only where the text shows that it fits.
        .where("state", "=", "pending")
        .where("lane", ">=", arg("from"))
        .where("lane", "<", arg("to"))
        .groupBy("tenant_id")
        .as("waiting"),
    )
    .innerJoin("outbox", (join) =>
      join
        .onRef("outbox.inbox_id", "=", "waiting.oldestId")
        .onRef("outbox.tenant_id", "=", "waiting.tenantId")
        // All parts of a reply are stored together.
        .on("outbox.part", "=", 0),
    )
    .select(["waiting.tenantId", "waiting.parts", "outbox.created_at as createdAt"])
    .orderBy("waiting.tenantId"),
);
