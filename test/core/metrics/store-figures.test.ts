import { describe, expect, it } from "vitest";
import { settingsSchema } from "../../../config/schema.ts";
import { reserveCost, settleCost } from "../../../core/budget/rows.ts";
import { exposition } from "../../../core/metrics/exposition.ts";
import { createStoreFigures } from "../../../core/metrics/store-figures.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Store } from "../../../core/store/store.ts";
import { readExposition } from "../../fakes/exposition-text.ts";
import { recordedLog } from "../../fakes/log.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { operatedQueue } from "../operators/operated-queue.ts";

const folder = temporaryFolder();

const TENANTS = settingsSchema.parse({
  multi_tenant: {
    tenants: [
      { id: "sales", max_api_budget_monthly_usd: 50 },
      { id: "support", time_zone: "Asia/Shanghai" },
    ],
  },
}).multi_tenant.tenants;

const charge = async (store: Store, tenantId: string, month: string, spent: number) => {
  const place = { tenantId, month };
  await store.write(tenantScope(tenantId), async (transaction) => {
    await transaction.run(reserveCost, { ...place, amount: 3e9, atMost: Number.MAX_SAFE_INTEGER });
    await transaction.run(settleCost, { ...place, reserved: 1e9, spent });
  });
};

describeStores("the store's figures", (world) => {
  it("are depths and ages by tenant, the send queue by channel, and each tenant's own month", async () => {
    const at = await operatedQueue(world, folder.path);
    // In a moment a month has ended in Shanghai, and not in London.
    at.clock = Date.parse("2027-03-31T19:58:30Z");
    await at.waiting("old");
    await at.answered("sending", ["a", "b"]);
    at.clock += 90_000;
    await at.waiting("new");
    await at.unanswerable("dead", "no", "support");
    const now = new Date(at.clock);
    await charge(world.store, "sales", "2027-03", 2.5e9);
    await charge(world.store, "support", "2027-03", 9e9);
    await charge(world.store, "support", "2027-04", 0.5e9);
    const figures = createStoreFigures({
      ...{ store: world.store, channels: ["test", "tes"], log: recordedLog() },
      ...{ tenants: () => TENANTS, now: () => now },
    });
    const samples = readExposition(await exposition(await figures.families()));
    const of = (name: string) =>
      samples
        .filter((sample) => sample.name === `clawgate_${name}`)
        .map(({ labels, value }) => [...Object.values(labels), value]);
    expect(of("queue_messages")).toEqual([
      ["sales", "waiting", 2],
      ["sales", "sending", 1],
      ["support", "dead", 1],
    ]);
    expect(of("queue_oldest_age_seconds")).toEqual([
      ["sales", "waiting", 90],
      ["sales", "sending", 90],
      ["support", "dead", 0],
    ]);
    expect(of("send_queue_parts")).toEqual([["sales", "test", 2]]);
    expect(of("send_queue_oldest_age_seconds")).toEqual([["sales", "test", 90]]);
    expect(of("budget_spent_usd")).toEqual([
      ["sales", 2.5],
      ["support", 0.5],
    ]);
    expect(of("budget_reserved_usd")).toEqual([
      ["sales", 2],
      ["support", 2],
    ]);
    expect(of("budget_limit_usd")).toEqual([["sales", 50]]);
    expect(of("store_figures_ok")).toEqual([[1]]);
  });
});

describe("the store's figures", () => {
  const setUp = (read: () => Promise<never[]>, waitMs = 60_000) => {
    let reads = 0;
    let clock = 0;
    const store = {
      read: (_access: unknown, _work: unknown) => {
        reads++;
        return read();
      },
    } as unknown as Store;
    const figures = createStoreFigures({
      ...{ store, channels: ["test"], tenants: () => [], log: recordedLog(), waitMs },
      now: () => new Date(clock),
    });
    const names = async () =>
      (await figures.families()).flatMap(({ name, samples }) =>
        name === "clawgate_store_figures_ok" ? JSON.stringify(samples) : name,
      );
    const wait = (ms: number) => {
      clock += ms;
    };
    return { names, wait, reads: () => reads };
  };

  it("are read once for many scrapes at the same time, and again after ten seconds", async () => {
    const { names, wait, reads } = setUp(async () => []);
    await Promise.all([names(), names(), names()]);
    const once = reads();
    expect(once).toBeGreaterThan(0);
    wait(9_999);
    await names();
    expect(reads()).toBe(once);
    wait(1);
    await names();
    expect(reads()).toBe(2 * once);
  });

  it.each([
    ["is away", () => Promise.reject(new Error("away"))],
    ["does not answer", () => new Promise<never[]>(() => {})],
  ])("are left out while the store %s, and that is said", async (_how, read) => {
    const { names } = setUp(read, 1);
    expect(await names()).toEqual([JSON.stringify([{ values: [], value: 0 }])]);
  });
});
