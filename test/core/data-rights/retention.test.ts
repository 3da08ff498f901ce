import { beforeEach, describe, expect, it, vi } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { startRetention, sweepOldData } from "../../../core/data-rights/retention.ts";
import { REMEMBERED_MS } from "../../../core/delivery/housekeeping.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { recordedLog } from "../../fakes/log.ts";
import {
  dataRightsOf,
  markedMessage,
  type Planted,
  plantTenant,
} from "../../fakes/planted-tenant.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const DAY_MS = 24 * 60 * 60_000;
const sales = tenantScope("sales");

describe("the sweep for old data", () => {
  it("runs also in a gateway that never lives for an hour, and ends with it", () => {
    vi.useFakeTimers();
    try {
      const daysOf = vi.fn(() => new Map<string, number>());
      const nothing = {} as Parameters<typeof startRetention>[0];
      const stop = startRetention({ ...nothing, now: () => new Date(), daysOf });
      vi.advanceTimersByTime(60_000);
      expect(daysOf).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(2 * 60 * 60_000);
      expect(daysOf).toHaveBeenCalledTimes(3);
      stop();
      vi.advanceTimersByTime(2 * 60 * 60_000);
      expect(daysOf).toHaveBeenCalledTimes(3);
    } finally {
      vi.useRealTimers();
    }
  });
});

describeStores("data retention", (world) => {
  let clock: number;
  let process: DeliveryProcess;
  let planted: Planted;
  let rights: ReturnType<typeof dataRightsOf>;
  beforeEach(async () => {
    clock = Date.now();
    const { store } = world;
    process = await deliveryProcess({ store, folder: folder.path, now: () => new Date(clock) });
    for (const tenantId of ["sales", "legal"]) {
      const rows = await plantTenant(process, store, tenantId, "marker");
      if (tenantId === "sales") planted = rows;
      const at = dataRightsOf(process, store, markedMessage(tenantId, "answered", "marker"));
      await at.holds.release("cli", tenantScope(tenantId), at.person);
      if (tenantId === "sales") rights = at;
    }
  });

  const sweep = (after: number, days: Readonly<Record<string, number>> = { sales: 3 }) => {
    clock += after;
    return sweepOldData({
      ...{ store: world.store, auditLog: createAuditLog(world.store), log: recordedLog() },
      now: () => new Date(clock),
      daysOf: () => new Map(Object.entries(days)),
    });
  };
  const count = async (from: string) =>
    Number((await world.sql(`SELECT count(*) AS n FROM ${from}`))[0]?.n);
  const all = async (tenantId: string) => ({
    inbox: await world.sql(
      `SELECT id, state, length(message) > 0 AS kept FROM inbox WHERE tenant_id = '${tenantId}' ORDER BY id`,
    ),
    outbox: await count(`outbox WHERE tenant_id = '${tenantId}'`),
    memory: await count(`memory WHERE tenant_id = '${tenantId}'`),
    tokens: await count(`memory_tokens WHERE tenant_id = '${tenantId}'`),
    held: await count(`reviews WHERE tenant_id = '${tenantId}'`),
  });
  const records = () =>
    world.sql("SELECT tenant_id, sender_id, detail FROM audit WHERE action = 'memory.expire'");

  it("erases what a tenant keeps no longer, and nothing of a tenant that keeps everything", async () => {
    const before = await all("legal");
    await sweep(3 * DAY_MS + 60_000);
    const { inbox, ...left } = await all("sales");
    expect(left).toEqual({ outbox: 2, memory: 0, tokens: 0, held: 0 });
    const isKept = (kept: unknown) => kept === 1 || kept === true;
    expect(inbox.map(({ id, state, kept }) => [id, state, isKept(kept)])).toEqual([
      [planted.answered, "answered", true],
      [planted.done, "done", false],
      [planted.running, "pending", true],
    ]);
    expect(await all("legal")).toEqual(before);
    expect(await records()).toEqual([
      {
        tenant_id: "sales",
        sender_id: "retention",
        detail: '{"exchanges":1,"messages":3,"held":1}',
      },
    ]);
  });

  it("erases nothing that is younger, and puts nothing on record where nothing was erased", async () => {
    const before = await all("sales");
    await sweep(3 * DAY_MS - 60_000);
    expect(await all("sales")).toEqual(before);
    expect(await records()).toEqual([]);
  });

  it("still recognises a message that was emptied, and has no reply to it left to repeat", async () => {
    await sweep(4 * DAY_MS);
    const again = markedMessage("sales", "done", "marker");
    expect(await process.inbox.accept(again, sales)).toMatchObject({ isNew: false });
    expect(await process.outbox.inlineBody(sales, planted.done)).toBeUndefined();
  });

  it.each([
    ["a person", true],
    ["everybody", false],
  ])("erases nothing that a hold on %s keeps, until it is released", async (_whose, isPerson) => {
    const whose = isPerson ? [rights.person] : [];
    await rights.holds.hold("cli", sales, ...whose);
    const before = await all("sales");
    await sweep(400 * DAY_MS);
    expect(await all("sales")).toEqual(before);
    expect(await process.inbox.prune(new Date(clock - REMEMBERED_MS))).toBe(1); // legal's
    expect(await all("sales")).toEqual(before);
    await rights.holds.release("cli", sales, ...whose);
    await sweep(0);
    expect((await all("sales")).memory).toBe(0);
    expect(await process.inbox.prune(new Date(clock - REMEMBERED_MS))).toBe(1);
  });

  it("erases the exchanges of whoever is not held beside those of whoever is", async () => {
    await rights.holds.hold("cli", sales, { ...rights.person, senderId: "somebody-else" });
    await sweep(4 * DAY_MS);
    const { memory, inbox } = await all("sales");
    expect([memory, inbox.length]).toEqual([0, 5]);
  });

  it("goes through more than one window and batch", async () => {
    const blob = world.dialect === "sqlite" ? "x'31'" : "'\\x31'";
    const id = world.dialect === "sqlite" ? "unhex(printf('%024x', n))" : "int8send(n)";
    const numbers =
      "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1200)";
    await world.sql(`${numbers} INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
      SELECT 'test', 'k' || n, 'l', 'sales', ${blob}, 'dead', 0 FROM s`);
    await world.sql(`${numbers} INSERT INTO memory (tenant_id, id, person, conversation, channel, content)
      SELECT 'sales', ${id}, ${blob}, ${blob}, 'test', ${blob} FROM s WHERE n <= 450`);
    await sweep(0);
    expect(await count("inbox WHERE lane = 'l'")).toBe(0);
    expect(await records()).toEqual([
      expect.objectContaining({ detail: expect.stringContaining('"messages":1200') }),
    ]);
    expect((await all("sales")).memory).toBeLessThanOrEqual(1);
  });
});
