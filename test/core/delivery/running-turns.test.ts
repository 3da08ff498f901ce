import { once } from "node:events";
import { expect, it } from "vitest";
import { laneOf } from "../../../core/delivery/lane.ts";
import { createRunningTurns, TurnStoppedError } from "../../../core/delivery/running-turns.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { begin, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");
const wei = { id: laneOf(textMessage("x")), tenantId: "sales" };
const folder = temporaryFolder();
const now = () => new Date();

describeStores("running turns", (world) => {
  const start = async () => {
    const process = await deliveryProcess({ store: world.store, folder: folder.path, now });
    const { inbox, log } = process;
    const { signal } = new AbortController();
    const turns = createRunningTurns({ inbox, log, signal, lookEveryMs: 0 });
    const accept = (id: string) => inbox.accept(textMessage(id), sales);
    return { process, turns, accept };
  };
  it("end at the request of somebody in their conversation", async () => {
    const { process, turns, accept } = await start();
    await accept("m1");
    const signal = turns.begin(await begin(process, wei));
    const stopped = once(signal.abortSignal, "abort");
    expect(await turns.stop(wei)).toBe(true);
    await stopped;
    expect(signal.reason).toBeInstanceOf(TurnStoppedError);
  });

  it("end at once when they were asked to before they began", async () => {
    const { process, turns, accept } = await start();
    await accept("m1");
    const entry = await begin(process, wei);
    expect(await turns.stop(wei)).toBe(true);
    expect(turns.begin(entry).aborted).toBe(true);
  });

  it("are not ended in the place of the one before them, whose reply is just being stored", async () => {
    const { process, turns, accept } = await start();
    await accept("m1");
    await accept("m2");
    const first = await begin(process, wei);
    turns.begin(first);
    turns.ended(first);
    expect(await turns.stop(wei)).toBe(true);
    await process.outbox.complete(first, { parts: ["answer"], mayInline: false });
    expect(turns.begin(await begin(process, wei)).aborted).toBe(false);
  });
});
