import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import type { RecallOutcome } from "../../../core/contract/channel.ts";
import { createRecall, type Recall } from "../../../core/operators/recall.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { eventually } from "../../fakes/eventually.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { EVERYBODY, type OperatedQueue, operatedQueue } from "./operated-queue.ts";

const folder = temporaryFolder();
const signal = new AbortController().signal;

describeStores("an answer that must not stand", (world) => {
  let at: OperatedQueue;
  let recall: Recall;
  let asked: string[];
  let outcomes: RecallOutcome[];
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
    asked = [];
    outcomes = [];
    Object.assign(at.channel, {
      recall: async ({ id, target }: { id: string; target: { address: string } }) => {
        asked.push(`${id} ${target.address}`);
        return outcomes.shift() ?? { kind: "recalled" };
      },
    });
    const { store } = world;
    recall = createRecall({
      ...{ store, cipher: await cipherOn(store, folder.path), now: () => new Date(at.clock) },
      ...{ adapters: new Map([["test", at.channel]]), auditLog: createAuditLog(store) },
    });
  });
  const sentWhole = async (key: string, parts: readonly string[], tenantId = "sales") => {
    const id = await at.answered(key, parts, tenantId);
    for (const _ of parts) await at.send(key, tenantId);
    return id;
  };

  it("is taken back part by part, the last one first, and named by either of its ids", async () => {
    const id = await sentWhole("m", ["one", "two"]);
    const address = at.channel.sent[0]?.target.address;
    const parts = [1, 0].map((part) => ({ part, kind: "recalled" }));
    expect(await recall(EVERYBODY, "sales/m", signal)).toEqual({ kind: "tried", id, parts });
    expect(asked).toEqual([`${id}.1 ${address}`, `${id}.0 ${address}`]);
    // Once more: what is gone is not asked for again.
    expect(await recall(EVERYBODY, id, signal)).toEqual({ kind: "tried", id, parts });
    expect(asked).toHaveLength(2);
  });

  it("goes no further: what was not sent yet never is, and no replay brings it", async () => {
    const id = await at.answered("m", ["one", "two", "three"]);
    await at.send("m");
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({
      parts: [{ part: 0, kind: "recalled" }],
    });
    expect(await at.send("m")).toBe("idle");
    expect(at.channel.sent.map(({ body }) => body)).toEqual(["one"]);
    expect(await at.queue.replay(EVERYBODY, id)).toMatchObject({ code: "NOT_DEAD" });
  });

  it("is taken back as far as it came when it is a dead letter", async () => {
    const id = await at.answered("m", ["one", "two"]);
    at.channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
    await at.send("m");
    await at.send("m");
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({ parts: [{ part: 0 }] });
    expect((await at.queue.show(EVERYBODY, id))?.entry.state).toBe("done");
  });

  it("says which parts stand, and why; what failed can be tried again", async () => {
    const id = await sentWhole("m", ["one", "two"]);
    outcomes.push({ kind: "failed", reason: "errcode -1" });
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({
      parts: [
        { part: 1, kind: "failed", reason: "errcode -1" },
        { part: 0, kind: "recalled" },
      ],
    });
    await recall(EVERYBODY, id, signal);
    expect(asked.map((call) => call.split(" ")[0])).toEqual([`${id}.1`, `${id}.0`, `${id}.1`]);
  });

  it("stands where it travelled in a response, and where a channel takes nothing back", async () => {
    await at.waiting("m");
    const lane = { id: '["test","corp","sales/m"]', tenantId: "sales" };
    const claim = await at.process.inbox.claim(lane);
    if (claim.kind !== "entry") throw new Error("nothing to claim");
    const { id } = claim.entry;
    await at.process.outbox.complete(claim.entry, { parts: ["one"], mayInline: true });
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({ code: "UNDER_WAY" });
    const row = { inboxId: id, lane: lane.id, scope: claim.entry.scope };
    await at.process.outbox.inlineSettled(row, true);
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({
      parts: [{ kind: "impossible", reason: expect.stringContaining("response") }],
    });
    const other = await sentWhole("other", ["one"]);
    Object.assign(at.channel, { recall: undefined });
    expect(await recall(EVERYBODY, other, signal)).toMatchObject({
      parts: [{ kind: "impossible", reason: expect.stringContaining("takes nothing back") }],
    });
    expect(asked).toEqual([]);
  });

  it("is refused while it is written, while a part of it is sent, and where there is none", async () => {
    const running = await at.running("running");
    expect(await recall(EVERYBODY, running, signal)).toMatchObject({ code: "NOT_ANSWERED" });
    const id = await at.answered("m", ["one", "two"]);
    let deliver = () => {};
    at.channel.outcomes.push(
      new Promise((resolve) => {
        deliver = () => resolve({ kind: "delivered" });
      }),
    );
    const sending = at.send("m");
    await eventually(() => expect(at.channel.sent).toHaveLength(1));
    expect(await recall(EVERYBODY, id, signal)).toMatchObject({ code: "UNDER_WAY" });
    deliver();
    await sending;
    await at.send("m");
    expect(at.channel.sent).toHaveLength(2);
    expect(await recall(EVERYBODY, 999, signal)).toMatchObject({ code: "NOT_FOUND" });
    expect(asked).toEqual([]);
  });

  it("is not there for an operator of another tenant, by neither of its ids", async () => {
    const id = await sentWhole("m", ["one"]);
    for (const which of [id, "sales/m"]) {
      const other = { who: "key", tenantId: "support" };
      expect(await recall(other, which, signal)).toMatchObject({ code: "NOT_FOUND" });
    }
    expect(asked).toEqual([]);
  });

  it("goes on record before it is tried and with what came of it, without a word of it", async () => {
    const id = await sentWhole("m", ["PLANTED one", "PLANTED two"]);
    outcomes.push({ kind: "failed", reason: "errcode -1" });
    await recall(EVERYBODY, id, signal);
    await recall(EVERYBODY, "PLANTED unknown", signal);
    const records = await at.audit();
    expect(records.map(({ tenant_id, subject, code }) => [tenant_id, subject, code])).toEqual([
      ["_platform", "unknown", "NOT_FOUND"],
      ["sales", String(id), "OK"],
      ["sales", String(id), "NOT_RECALLED"],
    ]);
    expect(JSON.stringify(records)).not.toContain("PLANTED");
  });
});
