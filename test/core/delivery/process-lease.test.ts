import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { laneOf } from "../../../core/delivery/lane.ts";
import { forgetDeadProcesses, takeProcessLease } from "../../../core/delivery/process-lease.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { begin, deliveryProcess } from "../../fakes/delivery-process.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const LEASE_MS = 15_000;
const LISTENING_RENEWED_MS = 1_000;
const HOUR_MS = 60 * 60_000;
const wei = { id: laneOf(textMessage("x")), tenantId: "sales" };
const folder = temporaryFolder();
const now = () => new Date();

describeStores("process lease", (world) => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const start = async (isAlone = false) =>
    deliveryProcess({ store: await world.open(), folder: folder.path, now, isAlone });
  const leases = async () => world.sql("SELECT lease_until FROM processes");
  /** Lets time pass as it does: every process renews on its way. */
  const pass = async (ms: number, everyMs: number) => {
    for (let left = ms; left > 0; left -= everyMs) {
      await vi.advanceTimersByTimeAsync(everyMs);
      const renewed = { lease_until: Date.now() + LEASE_MS };
      await eventually(async () =>
        expect(await leases()).toEqual((await leases()).map(() => renewed)),
      );
    }
  };

  it("keeps a turn that takes longer than the lease, for as long as its process lives", async () => {
    const [process, other] = [await start(), await start()];
    await process.inbox.accept(textMessage("m1"), tenantScope("sales"));
    const entry = await begin(process, wei);
    await pass(2 * LEASE_MS, LISTENING_RENEWED_MS);
    expect(await other.inbox.claim(wei)).toMatchObject({ kind: "taken" });
    const reply = { parts: ["late"], mayInline: false };
    expect(await process.outbox.complete(entry, reply)).toMatchObject({ isOurs: true });
  });

  it("is renewed again after the store was away for a while", async () => {
    const log = recordedLog();
    const store = await world.open();
    const lease = await takeProcessLease({ store, now, log, isAlone: false });
    const note = vi.spyOn(store, "note");
    note.mockRejectedValueOnce(new Error("away"));
    await vi.advanceTimersByTimeAsync(LEASE_MS / 3);
    await eventually(() => expect(log.lines).toMatchObject([{ level: "warn" }]));
    await pass(LEASE_MS / 3, LEASE_MS / 3);
    expect(await leases()).toEqual([{ lease_until: Date.now() + LEASE_MS }]);
    await lease.release();
  });

  it("knows that it is not held while the store is away for longer", async () => {
    const store = await world.open();
    const lease = await takeProcessLease({ store, now, log: recordedLog(), isAlone: false });
    const note = vi.spyOn(store, "note").mockRejectedValue(new Error("away"));
    await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
    expect(lease.isHeld()).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(lease.isHeld()).toBe(false);
    note.mockRestore();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    await eventually(() => expect(lease.isHeld()).toBe(true));
    await lease.release();
  });

  it("is renewed at once when the clock was set back, and not held for an hour without that", async () => {
    const store = await world.open();
    const lease = await takeProcessLease({ store, now, log: recordedLog(), isAlone: false });
    vi.setSystemTime(Date.now() - HOUR_MS);
    await pass(LISTENING_RENEWED_MS, LISTENING_RENEWED_MS);
    await eventually(() => expect(lease.isHeld()).toBe(true));
    const note = vi.spyOn(store, "note").mockRejectedValue(new Error("away"));
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(lease.isHeld()).toBe(false);
    note.mockRestore();
    await lease.release();
  });

  describe("says since when and until when platforms reached its process", () => {
    const listened = async () => world.sql("SELECT gateway_since, renewed_at FROM processes");
    const take = async () =>
      takeProcessLease({ store: await world.open(), now, log: recordedLog(), isAlone: false });

    it("to the second, and no more once it listens no more", async () => {
      const lease = await take();
      await vi.advanceTimersByTimeAsync(LISTENING_RENEWED_MS);
      await lease.setListening(true);
      const since = Date.now();
      expect(await listened()).toEqual([{ gateway_since: since, renewed_at: since }]);
      await pass(2 * LISTENING_RENEWED_MS, LISTENING_RENEWED_MS);
      const until = since + 2 * LISTENING_RENEWED_MS;
      expect(await listened()).toEqual([{ gateway_since: since, renewed_at: until }]);
      await lease.setListening(false);
      expect(await listened()).toEqual([{ gateway_since: 0, renewed_at: until }]);
      await lease.release();
    });

    it("without the time in which it was suspended", async () => {
      const lease = await take();
      await lease.setListening(true);
      // Nothing of it ran meanwhile: no timer either.
      vi.setSystemTime(Date.now() + 10_000);
      await pass(LISTENING_RENEWED_MS, LISTENING_RENEWED_MS);
      const since = Date.now();
      expect(await listened()).toEqual([{ gateway_since: since, renewed_at: since }]);
      await lease.release();
    });

    it("as of the time to which the clock was set back", async () => {
      const lease = await take();
      await lease.setListening(true);
      vi.setSystemTime(Date.now() - HOUR_MS);
      await pass(LISTENING_RENEWED_MS, LISTENING_RENEWED_MS);
      const since = Date.now();
      expect(await listened()).toEqual([{ gateway_since: since, renewed_at: since }]);
      await lease.release();
    });
  });

  it("is gone at once when its process ends in order, and is not renewed after that", async () => {
    const process = await start();
    await process.lease.release();
    expect(await leases()).toEqual([]);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    await world.closeAll();
    expect(await leases()).toEqual([]);
  });

  it("frees at once what earlier processes held when there can be no other", async () => {
    const dead = await start();
    await dead.inbox.accept(textMessage("m1"), tenantScope("sales"));
    await begin(dead, wei);
    const next = await start(true);
    expect(await leases()).toHaveLength(1);
    expect(await begin(next, wei)).toMatchObject({ attempt: 2 });
  });

  it("leaves processes that died lately, and forgets the others", async () => {
    await start();
    await forgetDeadProcesses(world.store, new Date(Date.now() + LEASE_MS));
    expect(await leases()).toHaveLength(1);
    await forgetDeadProcesses(world.store, new Date(Date.now() + LEASE_MS + 1));
    expect(await leases()).toEqual([]);
  });
});
