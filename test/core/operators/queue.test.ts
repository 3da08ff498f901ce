import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createQueue } from "../../../core/operators/queue.ts";
import { eventually } from "../../fakes/eventually.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { EVERYBODY, type OperatedQueue, operatedQueue } from "./operated-queue.ts";

const ALL = { limit: 50 };
const folder = temporaryFolder();

describeStores("the operators' queue", (world) => {
  let at: OperatedQueue;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
  });
  const list = async (filter = {}, operator = EVERYBODY) =>
    (await at.queue.list(operator, { ...ALL, ...filter })).entries;
  const ids = async (filter = {}, operator = EVERYBODY) =>
    (await list(filter, operator)).map(({ id }) => id);
  /** A reply of three parts whose second one the platform refused for good. */
  const deadReply = async (key = "dead", tenantId = "sales") => {
    const id = await at.answered(key, ["PLANTED one", "PLANTED two", "PLANTED three"], tenantId);
    at.channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
    await at.send(key, tenantId);
    await at.send(key, tenantId);
    return id;
  };

  it("lists what waits, is being sent and is dead, oldest first, and not what is done", async () => {
    const dead = await deadReply();
    const waiting = await at.waiting("waiting");
    const sending = await at.answered("sending", ["a", "b"]);
    const done = await at.answered("done", ["a"]);
    await at.send("done");
    expect(await list()).toMatchObject([
      { id: dead, state: "dead", reason: "60111", parts: 3, partsDelivered: 1, attempts: 1 },
      { id: waiting, state: "waiting", parts: 0, attempts: 0, isUnderWay: false },
      { id: sending, state: "sending", parts: 2, partsDelivered: 0, attempts: 0 },
    ]);
    expect(await ids({ state: "sending" })).toEqual([sending]);
    expect((await at.queue.show(EVERYBODY, done))?.entry).toMatchObject({ state: "done" });
  });

  it("says whose message it is and where, and when it came", async () => {
    await at.waiting("here");
    expect(await list()).toEqual([
      expect.objectContaining({
        tenantId: "sales",
        channel: "test",
        workspaceId: "corp",
        conversationId: "sales/here",
        receivedAt: new Date(at.clock),
      }),
    ]);
  });

  it("never shows what people wrote", async () => {
    const id = await deadReply();
    const all = [await list(), await at.queue.show(EVERYBODY, id), await at.audit()];
    expect(JSON.stringify(all)).not.toContain("PLANTED");
  });

  it("gives a long list in pages, each message once", async () => {
    const accepted: number[] = [];
    for (let index = 0; index < 5; index++) accepted.push(await at.waiting(`m${index}`));
    const first = await at.queue.list(EVERYBODY, { limit: 2 });
    const second = await at.queue.list(EVERYBODY, { limit: 2, cursor: first.next });
    const third = await at.queue.list(EVERYBODY, { limit: 2, cursor: second.next });
    const seen = [first, second, third].flatMap(({ entries }) => entries.map(({ id }) => id));
    expect(seen).toEqual(accepted);
    expect(third.next).toBeUndefined();
  });

  it("shows the parts of one message with their states, tries, times and reasons", async () => {
    const id = await at.answered("m", ["one", "two"]);
    at.channel.outcomes.push({ kind: "unknown", reason: "timeout" });
    await at.send("m");
    const shown = await at.queue.show(EVERYBODY, id);
    expect(shown?.entry).toMatchObject({ reason: "timeout", attempts: 1 });
    expect(shown?.parts).toMatchObject([
      { part: 0, state: "pending", via: "send", attempts: 1, isUnsure: true, reason: "timeout" },
      { part: 1, state: "pending", attempts: 0, isUnsure: false, dueAt: new Date(at.clock) },
    ]);
    expect(shown?.parts[0]?.dueAt.getTime()).toBeGreaterThan(at.clock);
  });

  it("says what is under way while its process lives, and no longer", async () => {
    const id = await at.running("m");
    expect((await at.queue.show(EVERYBODY, id))?.entry.isUnderWay).toBe(true);
    at.clock += 15_001;
    expect((await at.queue.show(EVERYBODY, id))?.entry.isUnderWay).toBe(false);
  });

  it("sends the rest of a dead reply after a replay, what was delivered not again", async () => {
    const id = await deadReply();
    expect(await at.queue.replay(EVERYBODY, id)).toMatchObject({
      kind: "changed",
      entry: { state: "sending" },
      lane: { tenantId: "sales" },
    });
    for (let turn = 0; turn < 3; turn++) await at.send("dead");
    expect(at.channel.sent.map(({ body }) => body)).toEqual([
      "PLANTED one",
      "PLANTED two",
      "PLANTED two",
      "PLANTED three",
    ]);
    expect((await at.queue.show(EVERYBODY, id))?.entry.state).toBe("done");
    expect(await ids()).toEqual([]);
  });

  it("asks the channel what became of an unsure send before it sends it again after a replay", async () => {
    const id = await at.answered("m", ["one"]);
    for (let tries = 0; tries < 12; tries++) {
      at.clock += 3 * 60 * 60_000;
      at.channel.outcomes.push({ kind: "unknown", reason: "timeout" });
      await at.send("m");
    }
    expect(await ids({ state: "dead" })).toEqual([id]);

    await at.queue.replay(EVERYBODY, id);
    at.channel.asked.length = 0;
    at.channel.answers.push({ kind: "delivered" });
    const before = at.channel.sent.length;
    await at.send("m");
    expect(at.channel.asked).toMatchObject([{ id: `${id}.0`, attempt: 13 }]);
    expect(at.channel.sent).toHaveLength(before);
    expect((await at.queue.show(EVERYBODY, id))?.entry.state).toBe("done");
  });

  it("gives a replayed reply a whole day of tries again", async () => {
    const id = await deadReply();
    at.clock += 30 * 60 * 60_000;
    await at.queue.replay(EVERYBODY, id);
    at.clock += 23 * 60 * 60_000;
    at.channel.outcomes.push({ kind: "retry", afterMs: 1, reason: "45009" });
    await at.send("dead");
    expect((await at.queue.show(EVERYBODY, id))?.entry.state).toBe("sending");
  });

  it("gives a message that was never answered a new turn, as if for the first time", async () => {
    const id = await at.unanswerable("m", "channel test is switched off");
    const change = await at.queue.replay(EVERYBODY, id);
    if (change.kind !== "changed") throw new Error(change.message);
    expect(change.entry).toMatchObject({ id, state: "waiting", attempts: 0 });
    expect(change.entry.reason).toBeUndefined();
    expect(await at.process.inbox.claim(change.lane)).toMatchObject({
      kind: "entry",
      entry: { id, attempt: 1 },
    });
  });

  it("replays a dead message once, however often it is asked to", async () => {
    const id = await deadReply();
    const changes = await Promise.all([1, 2, 3].map(() => at.queue.replay(EVERYBODY, id)));
    expect(
      changes.map((change) => (change.kind === "refused" ? change.code : "OK")).sort(),
    ).toEqual(["NOT_DEAD", "NOT_DEAD", "OK"]);
  });

  it("replays nothing that is not dead, and says what it is", async () => {
    const id = await at.waiting("m");
    expect(await at.queue.replay(EVERYBODY, id)).toMatchObject({
      kind: "refused",
      code: "NOT_DEAD",
      message: expect.stringMatching(/is waiting, not dead/),
    });
    expect(await at.queue.replay(EVERYBODY, 999)).toMatchObject({ code: "NOT_FOUND" });
  });

  it("drops what waits, what is between two tries and what is dead, and only that one", async () => {
    const waiting = await at.waiting("waiting");
    const sending = await at.answered("sending", ["a", "b"]);
    at.channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "45009" });
    await at.send("sending");
    const dead = await deadReply();
    const other = await at.waiting("other");
    for (const id of [waiting, sending, dead]) {
      expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({
        kind: "changed",
        entry: { id, state: "done", reason: "dropped by an operator" },
      });
    }
    expect(await ids()).toEqual([other]);
    at.clock += 60_000;
    const before = at.channel.sent.length;
    expect(await at.send("sending")).toBe("idle");
    expect(at.channel.sent).toHaveLength(before);
    expect(await at.queue.drop(EVERYBODY, dead)).toMatchObject({ code: "FINISHED" });
  });

  it("does not drop a turn that a living process runs; a dead one's it does", async () => {
    const id = await at.running("m");
    expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({ code: "UNDER_WAY" });
    expect((await at.queue.show(EVERYBODY, id))?.entry).toMatchObject({ state: "waiting" });
    at.clock += 15_001;
    expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({ kind: "changed" });
  });

  it("does not drop a reply while a part of it is being sent, not even the other parts", async () => {
    const id = await at.answered("m", ["one", "two"]);
    let deliver = () => {};
    at.channel.outcomes.push(
      new Promise((resolve) => {
        deliver = () => resolve({ kind: "delivered" });
      }),
    );
    const sending = at.send("m");
    await eventually(() => expect(at.channel.sent).toHaveLength(1));
    expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({ code: "UNDER_WAY" });
    deliver();
    await sending;
    await at.send("m");
    expect(at.channel.sent.map(({ body }) => body)).toEqual(["one", "two"]);
  });

  it("does not drop a reply that an open response may be carrying", async () => {
    await at.waiting("m");
    const lane = { id: '["test","corp","sales/m"]', tenantId: "sales" };
    const claim = await at.process.inbox.claim(lane);
    if (claim.kind !== "entry") throw new Error("nothing to claim");
    const { id } = claim.entry;
    await at.process.outbox.complete(claim.entry, { parts: ["one"], mayInline: true });
    expect((await at.queue.show(EVERYBODY, id))?.parts[0]?.isUnderWay).toBe(true);
    expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({ code: "UNDER_WAY" });
    at.clock += 20_000;
    expect(await at.queue.drop(EVERYBODY, id)).toMatchObject({ kind: "changed" });
  });

  it("drops a message or lets it go out, never both, however close they come", async () => {
    const ids: number[] = [];
    for (let index = 0; index < 24; index++) ids.push(await at.waiting(`m${index}`));
    const sentOf = (id: number) => at.channel.sent.filter((part) => part.id.startsWith(`${id}.`));
    const run = async (key: string) => {
      await at.answered(key, ["one", "two"]);
      await at.send(key);
      await at.send(key);
    };
    /** Drops before its turn, in the middle of it, and after it, by how late the message is. */
    const dropped = await Promise.all(
      ids.map(async (id, index) => {
        const drop = async () => (await at.queue.drop(EVERYBODY, id)).kind === "changed";
        if (index === 0) {
          const isDropped = await drop();
          await expect(run(`m${index}`)).rejects.toThrow("nothing to begin");
          return isDropped;
        }
        let isOver = false;
        const running = run(`m${index}`)
          .catch(() => {}) // dropped before: nothing to begin
          .finally(() => {
            isOver = true;
          });
        if (index === ids.length - 1) await running;
        else if (index % 2 === 0) {
          while (!isOver && sentOf(id).length === 0) await new Promise(setImmediate);
        } else for (let tick = 0; tick < index; tick++) await new Promise(setImmediate);
        const isDropped = await drop();
        await running;
        return isDropped;
      }),
    );
    expect([dropped.at(0), dropped.at(-1)]).toEqual([true, false]);
    for (const [index, id] of ids.entries()) {
      const entry = (await at.queue.show(EVERYBODY, id))?.entry;
      const sent = sentOf(id).map(({ body }) => body);
      const { state, reason, partsDelivered } = entry ?? {};
      if (dropped[index]) {
        expect([state, reason]).toEqual(["done", "dropped by an operator"]);
        // The first part may have been out when the operator came.
        expect(["", "one"]).toContain(sent.join(" "));
      } else expect([state, partsDelivered, ...sent]).toEqual(["done", 2, "one", "two"]);
    }
  });

  it("puts on record who looked and who changed what, changes with their tenant", async () => {
    const id = await deadReply();
    await at.queue.list({ who: "k1" }, ALL);
    await at.queue.show({ who: "k1" }, id);
    await at.queue.replay({ who: "k1", tenantId: "sales" }, id);
    await at.queue.drop({ who: "k1", tenantId: "support" }, id);
    await at.queue.drop({ who: "k1" }, 999);
    const records = (await at.audit()).map((row) =>
      [row.tenant_id, row.sender_id, row.action, row.subject, row.decision, row.code].join(" "),
    );
    expect(records).toEqual([
      "_platform k1 queue.list queue allowed OK",
      `_platform k1 queue.show ${id} allowed OK`,
      "_platform k1 queue.drop 999 refused NOT_FOUND",
      `sales k1 queue.replay ${id} allowed OK`,
      `support k1 queue.drop ${id} refused NOT_FOUND`,
    ]);
  });

  it("shows and changes nothing that cannot be put on record", async () => {
    const id = await deadReply();
    const full = () => Promise.reject(new Error("disk full"));
    const auditLog = { ...createAuditLog(world.store), record: full, recordIn: full };
    const queue = createQueue({ store: world.store, auditLog, now: () => new Date(at.clock) });
    await expect(queue.list(EVERYBODY, ALL)).rejects.toThrow("disk full");
    await expect(queue.show(EVERYBODY, id)).rejects.toThrow("disk full");
    await expect(queue.replay(EVERYBODY, id)).rejects.toThrow("disk full");
    await expect(queue.drop(EVERYBODY, id)).rejects.toThrow("disk full");
    expect((await at.queue.show(EVERYBODY, id))?.entry.state).toBe("dead");
  });

  it("attack: one tenant's operator sees, replays and drops nothing of another tenant's", async () => {
    const theirs = await deadReply("secret", "support");
    const ours = await deadReply("ours", "sales");
    const operator = { who: "k1", tenantId: "sales" };
    expect(await ids({}, operator)).toEqual([ours]);
    expect(await ids({ state: "dead", cursor: theirs - 1 }, operator)).toEqual([ours]);
    expect(await at.queue.show(operator, theirs)).toBeUndefined();
    // The same answer as for a message that does not exist.
    const absent = await at.queue.replay(operator, 999);
    const said = JSON.stringify(absent).replaceAll("999", String(theirs));
    expect(JSON.stringify(await at.queue.replay(operator, theirs))).toBe(said);
    expect(JSON.stringify(await at.queue.drop(operator, theirs))).toBe(said);
    expect((await at.queue.show(EVERYBODY, theirs))?.entry).toMatchObject({ state: "dead" });
  });
});
