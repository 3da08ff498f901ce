import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createChannelState } from "../../../core/channel-state/channel-state.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { ChannelState, Lease, Leases } from "../../../core/contract/channel-state.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const LEASE_MS = 15_000;
const folder = temporaryFolder();

describeStores("leases", (world) => {
  let state: ChannelState;
  let leases: Leases;
  let renewal: Promise<unknown> | undefined;
  let held: (Lease | undefined)[];
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date", "performance"] });
    const cipher = await cipherOn(world.store, folder.path);
    const parts = { store: world.store, cipher, now: () => new Date() };
    const { replace, ...rest } = createChannelState("discord", parts);
    state = {
      ...rest,
      replace: (...renewed) => {
        const replaced = replace(...renewed);
        renewal = replaced;
        return replaced;
      },
    };
    leases = createLeases({ state, log: recordedLog() });
    held = [];
  });
  afterEach(async () => {
    for (const lease of held) await lease?.release();
    vi.useRealTimers();
  });
  const acquire = async (from = leases) => {
    const lease = await from.acquire("shard-0");
    held.push(lease);
    return lease;
  };
  const versionOf = async () => (await state.get("lease/shard-0"))?.version;
  /** Lets time pass as it does: renewals happen on their way. */
  const pass = async (ms: number, renewing = true) => {
    for (let left = ms; left > 0; left -= LEASE_MS / 6) {
      const before = await versionOf();
      await vi.advanceTimersByTimeAsync(LEASE_MS / 6);
      if (!renewing) continue;
      await eventually(async () => expect(await versionOf()).not.toBe(before));
      // Seen before it is durable, and until then a next renewal is not begun.
      await renewal;
      await new Promise(setImmediate);
    }
  };

  it("go to one of many, who keeps it for as long as it lives", async () => {
    const others = createLeases({ state, log: recordedLog() });
    const got = await Promise.all([acquire(), acquire(others), acquire(others)]);
    expect(got.filter((lease) => lease !== undefined)).toHaveLength(1);
    await pass(3 * LEASE_MS);
    expect(await acquire(others)).toBeUndefined();
    expect(got.find((lease) => lease)?.lost.aborted).toBe(false);
  });

  it("are free at once when released", async () => {
    await (await acquire())?.release();
    expect(await acquire()).toBeDefined();
  });

  it("are given up before another process may take them, when the store is away", async () => {
    const lease = await acquire();
    vi.spyOn(state, "get").mockRejectedValue(new Error("away"));
    await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
    expect(lease?.lost.aborted).toBe(true);
    vi.restoreAllMocks();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(await acquire()).toBeDefined();
  });

  it("are lost to whoever took them after a long pause of the owner", async () => {
    const lease = await acquire();
    await world.sql("UPDATE channel_state SET expires_at = 0");
    const next = await acquire();
    expect(next).toBeDefined();
    await vi.advanceTimersByTimeAsync(LEASE_MS / 6);
    await eventually(() => expect(lease?.lost.aborted).toBe(true));
    expect(next?.lost.aborted).toBe(false);
  });
});
