import { expect, it } from "vitest";
import { readDepths } from "../../../core/operators/depths.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { operatedQueue } from "./operated-queue.ts";

const folder = temporaryFolder();

describeStores("depths", (world) => {
  it("count what is not done by tenant and state, with the age of the oldest", async () => {
    const at = await operatedQueue(world, folder.path);
    await at.waiting("old");
    at.clock += 90_500;
    await at.waiting("new");
    await at.answered("sending", ["a"]);
    await at.answered("done", ["a"], "support");
    await at.send("done", "support");
    await at.unanswerable("dead", "no", "support");
    at.clock += 1_000;
    const now = new Date(at.clock);
    const sales = [
      { tenantId: "sales", state: "waiting", messages: 2, oldestAgeSeconds: 91 },
      { tenantId: "sales", state: "sending", messages: 1, oldestAgeSeconds: 1 },
    ];
    const dead = { tenantId: "support", state: "dead", messages: 1, oldestAgeSeconds: 1 };
    expect(await readDepths(world.store, now)).toEqual([...sales, dead]);
    expect(await readDepths(world.store, now, { tenantId: "sales" })).toEqual(sales);
  });
});
