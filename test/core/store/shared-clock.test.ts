import { beforeEach, expect, it } from "vitest";
import { laneOf } from "../../../core/delivery/lane.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { startSharedClock } from "../../../core/store/shared-clock.ts";
import { begin, deliveryProcess } from "../../fakes/delivery-process.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const TEN_MINUTES_MS = 10 * 60_000;
const HOUR_MS = 60 * 60_000;
const SECOND_MS = 1_000;
const wei = { id: laneOf(textMessage("x")), tenantId: "sales" };
const folder = temporaryFolder();

describeStores("shared clock", (world) => {
  const only = (dialect: typeof world.dialect) => (name: string, test: () => Promise<void>) => {
    if (world.dialect === dialect) it(name, test);
  };
  const [onlyPostgres, onlySqlite] = [only("postgres"), only("sqlite")];
  let log: ReturnType<typeof recordedLog>;
  beforeEach(() => {
    log = recordedLog();
  });

  /** A machine whose clock is off by so much. */
  const machine = async (offMs: number) => {
    const now = () => new Date(Date.now() + offMs);
    const store = await world.open();
    const clock = await startSharedClock({ store, now, log });
    return { ...clock, store };
  };

  onlyPostgres(
    "lets no machine take over a turn of another one that lives, however wrong its own clock is",
    async () => {
      const right = await machine(0);
      const process = await deliveryProcess({ ...right, folder: folder.path });
      await process.inbox.accept(textMessage("m1"), tenantScope("sales"));
      await begin(process, wei);
      for (const offMs of [TEN_MINUTES_MS, -TEN_MINUTES_MS]) {
        const wrong = await machine(offMs);
        expect(Math.abs(wrong.now().getTime() - right.now().getTime())).toBeLessThan(SECOND_MS);
        const other = await deliveryProcess({ ...wrong, folder: folder.path });
        const claim = await other.inbox.claim(wei);
        expect(claim).toMatchObject({ kind: "taken" });
        expect(claim.kind === "taken" && claim.afterMs).toBeLessThan(20 * SECOND_MS);
        wrong.stop();
        await other.lease.release();
      }
      right.stop();
      await process.lease.release();
    },
  );

  onlyPostgres(
    "lets a machine take over nothing of another one that lives because its clock is set between two looks",
    async () => {
      const right = await machine(0);
      const process = await deliveryProcess({ ...right, folder: folder.path });
      await process.inbox.accept(textMessage("m1"), tenantScope("sales"));
      await begin(process, wei);
      let setByMs = 0;
      const now = () => new Date(Date.now() + setByMs);
      const store = await world.open();
      const clock = await startSharedClock({ store, now, log });
      for (setByMs of [HOUR_MS, -HOUR_MS]) {
        const offMs = clock.now().getTime() - right.now().getTime();
        expect(Math.abs(offMs)).toBeLessThan(TEN_MINUTES_MS);
        const other = await deliveryProcess({ store, now: clock.now, folder: folder.path });
        const claim = await other.inbox.claim(wei);
        expect(claim).toMatchObject({ kind: "taken" });
        expect(claim.kind === "taken" && claim.afterMs).toBeLessThan(TEN_MINUTES_MS);
        await other.lease.release();
      }
      clock.stop();
      right.stop();
      await process.lease.release();
    },
  );

  onlyPostgres("says that a machine's clock is wrong", async () => {
    (await machine(SECOND_MS)).stop();
    expect(log.lines).toEqual([]);
    (await machine(-TEN_MINUTES_MS)).stop();
    expect(log.lines).toMatchObject([{ level: "warn", fields: { alert: "clock_off" } }]);
  });

  onlySqlite("is this machine's where there is no other", async () => {
    const { now, stop } = await machine(TEN_MINUTES_MS);
    expect(now().getTime() - Date.now()).toBeGreaterThan(TEN_MINUTES_MS - SECOND_MS);
    stop();
  });
});
