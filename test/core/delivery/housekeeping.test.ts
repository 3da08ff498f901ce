import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { REMEMBERED_MS, startHousekeeping } from "../../../core/delivery/housekeeping.ts";
import { openStore } from "../../../core/store/open-store.ts";
import type { Store } from "../../../core/store/store.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const reviews = { tidy: async () => {} };
const EVERY_MS = 10 * 60_000;
let store: Store;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  store = await openStore({ url: `file:${folder.path}` });
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
});

describe("housekeeping", () => {
  it("forgets what is done and older than seven days, again and again, until it is stopped", async () => {
    const log = recordedLog();
    const prune = vi.fn(async (_before: Date) => 3);
    const stop = startHousekeeping({
      reviews,
      store,
      inbox: { prune },
      now: () => new Date(),
      log,
    });
    for (let round = 1; round <= 2; round++) {
      await vi.advanceTimersByTimeAsync(EVERY_MS);
      await eventually(() => expect(log.lines).toHaveLength(round));
      expect(prune.mock.lastCall).toEqual([new Date(Date.now() - REMEMBERED_MS)]);
    }
    expect(REMEMBERED_MS).toBe(7 * 24 * 60 * 60_000);
    stop();
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(prune).toHaveBeenCalledTimes(2);
  });

  it("goes on after a fault", async () => {
    const log = recordedLog();
    const prune = vi.fn(async () => 0).mockRejectedValueOnce(new Error("away"));
    const stop = startHousekeeping({
      reviews,
      store,
      inbox: { prune },
      now: () => new Date(),
      log,
    });
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    await eventually(() => expect(log.lines).toMatchObject([{ level: "warn" }]));
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    await eventually(() => expect(prune).toHaveBeenCalledTimes(2));
    stop();
  });
});
