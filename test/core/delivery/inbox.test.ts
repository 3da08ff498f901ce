import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { REMEMBERED_MS } from "../../../core/delivery/housekeeping.ts";
import type { Claim } from "../../../core/delivery/inbox.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { KeyError } from "../../../core/keys/errors.ts";
import { type Access, tenantScope } from "../../../core/store/scope.ts";
import type { Store, Work } from "../../../core/store/store.ts";
import { begin, type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { eventually } from "../../fakes/eventually.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");
const legal = tenantScope("legal");
const LEASE_MS = 15_000;
const STARTED_AT = Date.UTC(2026, 2, 1);

const laneIn = (sender: string, tenantId = "sales"): Lane => ({
  id: laneOf(textMessage("x", "x", sender)),
  tenantId,
});
const wei = laneIn("wei");

const folder = temporaryFolder();
let time: number;
const now = () => new Date(time);
beforeEach(() => {
  time = STARTED_AT;
  // A process renews its lease by a timer of the machine, which may tick while the test moves its clock.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => vi.useRealTimers());

describeStores("inbox", (world) => {
  let process: DeliveryProcess;
  /** Another process on the same store. */
  const another = async () =>
    deliveryProcess({ store: await world.open(), folder: folder.path, now });
  const accept = (id: string, sender = "wei", by = process) =>
    by.inbox.accept(textMessage(id, `text of ${id}`, sender), sales);
  const states = async () =>
    (await world.sql("SELECT key, state FROM inbox ORDER BY id")).map(
      ({ key, state }) => `${key} ${state}`,
    );
  /** PostgreSQL's advisory locks that are held, or waited for. */
  const locks = (isGranted: boolean) =>
    world.sql(`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted = ${isGranted}`);
  const answer = async (parts: readonly string[], by = process) => {
    const entry = await begin(by, wei);
    return { entry, ...(await by.outbox.complete(entry, { parts, mayInline: false })) };
  };

  beforeEach(async () => {
    process = await deliveryProcess({ store: world.store, folder: folder.path, now });
  });

  describe("accepting", () => {
    it("takes a redelivered message once", async () => {
      const first = await accept("m1");
      expect(first).toMatchObject({ isNew: true, scope: sales });
      expect(await accept("m1")).toEqual({ id: first.id, isNew: false, scope: sales });
    });

    it("takes one of many deliveries at the same instant, by two processes", async () => {
      const other = await another();
      const receipts = await Promise.all(
        Array.from({ length: 20 }, (_, index) => accept("m1", "wei", index % 2 ? process : other)),
      );
      expect(receipts.filter((receipt) => receipt.isNew)).toHaveLength(1);
      expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
      expect(await states()).toEqual(["m1 pending"]);
    });

    it("recognises what an earlier process took", async () => {
      const { id } = await accept("m1");
      await world.closeAll();
      expect(await accept("m1", "wei", await another())).toMatchObject({ id, isNew: false });
    });

    it("takes the same id of two channels as two messages", async () => {
      await accept("m1");
      const other = { ...textMessage("m1"), channel: "other" };
      expect(await process.inbox.accept(other, sales)).toMatchObject({ isNew: true });
    });

    it("hands back exactly what was accepted, hostile text included", async () => {
      const text = "NUL \0, lone \ud800, 👩‍👩‍👧, \u202e, '); DROP TABLE inbox;--";
      const message = textMessage("m1", text);
      await process.inbox.accept(message, sales);
      expect(await begin(process, wei)).toMatchObject({
        message,
        lane: wei.id,
        scope: sales,
        attempt: 1,
        receivedAt: now(),
      });
    });

    it("says of a message whether it was taken, and whose it is", async () => {
      expect(await process.inbox.find(textMessage("m1"))).toBeUndefined();
      const { id } = await accept("m1");
      expect(await process.inbox.find(textMessage("m1"))).toEqual({
        id,
        isNew: false,
        scope: sales,
      });
    });

    it("recognises a message whose turn found another tenant, as that tenant's", async () => {
      await accept("m1");
      await process.inbox.move(await begin(process, wei), legal);
      expect(await accept("m1")).toMatchObject({ isNew: false, scope: legal });
    });
  });

  describe("forgetting", () => {
    const prune = () => process.inbox.prune(new Date(time - REMEMBERED_MS));
    const outboxRows = () => world.sql("SELECT inbox_id FROM outbox");

    it("recognises what is done for just under seven days, then forgets it with its reply", async () => {
      await accept("m1");
      const { entry } = await answer(["hello"]);
      await process.outbox.inlineSettled({ scope: sales, inboxId: entry.id, lane: wei.id }, true);
      expect(await states()).toEqual(["m1 done"]);
      time = STARTED_AT + REMEMBERED_MS;
      expect(await prune()).toBe(0);
      expect(await accept("m1")).toMatchObject({ isNew: false });
      expect(await outboxRows()).toHaveLength(1);
      time += 1;
      expect(await prune()).toBe(1);
      expect(await outboxRows()).toEqual([]);
      expect(await accept("m1")).toMatchObject({ isNew: true });
    });

    it("never forgets what is pending, on its way out or dead", async () => {
      await accept("dead");
      await process.inbox.bury(await begin(process, wei), "no channel");
      await accept("answered");
      await answer(["hello"]);
      await accept("pending");
      time += 10 * REMEMBERED_MS;
      expect(await prune()).toBe(0);
      expect(await states()).toEqual(["dead dead", "answered answered", "pending pending"]);
      expect(await outboxRows()).toHaveLength(1);
    });

    it("looks no further than the first window that is young enough, however much there is", async () => {
      await world.sql(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)
        INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
        SELECT 'test', 'k' || i, 'l', 'sales', ${world.dialect === "sqlite" ? "x''" : "''"},
          CASE WHEN i % 100 = 0 THEN 'dead' ELSE 'done' END,
          CASE WHEN i <= 1500 THEN 0 ELSE ${STARTED_AT} END FROM n`);
      const read = vi.spyOn(world.store, "read");
      expect(await prune()).toBe(1485);
      expect(read).toHaveBeenCalledTimes(2);
      expect(
        await world.sql("SELECT count(*) AS left FROM inbox WHERE state = 'dead'"),
      ).toMatchObject([{ left: 35 }]);
    });

    it("forgets the oldest behind dead letters that fill whole windows", async () => {
      await world.sql(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
        SELECT 'test', 'k' || i, 'l', 'sales', ${world.dialect === "sqlite" ? "x''" : "''"},
          CASE WHEN i <= 2400 THEN 'dead' ELSE 'done' END, 0 FROM n`);
      expect(await prune()).toBe(100);
    });
  });

  describe("claiming", () => {
    it("begins the messages of a lane in the order in which they arrived", async () => {
      await accept("m1");
      await accept("m2");
      expect((await begin(process, wei)).message.id).toBe("m1");
    });

    it("lets one process begin the first of a lane, however many came in at the same moment and were to be taken with their storing", async () => {
      const start = async (store: Store) =>
        deliveryProcess({ store, folder: folder.path, now, takesAtOnce: true });
      const both = await Promise.all([start(world.store), start(await world.open())]);
      const senders = Array.from({ length: 12 }, (_, index) => `user${index}`);
      const warmUp = senders.flatMap((sender) =>
        both.map((by) => by.inbox.find(textMessage("x", "x", sender))),
      );
      await Promise.all(warmUp);
      await Promise.all(
        senders.flatMap((sender) =>
          [0, 1, 2, 3].map((n) => accept(`${sender}-${n}`, sender, both[n % 2] ?? process)),
        ),
      );
      for (const sender of senders) {
        const [first] = await world.sql(
          `SELECT key FROM inbox WHERE key LIKE '${sender}-%' ORDER BY id LIMIT 1`,
        );
        const claims = await Promise.all(both.map(({ inbox }) => inbox.claim(laneIn(sender))));
        const begun = claims.flatMap((claim) => (claim.kind === "entry" ? [claim.entry] : []));
        expect(begun.map(({ message }) => message.id)).toEqual([first?.key]);
      }
    });

    // On SQLite writes run one after the other.
    it.runIf(world.dialect === "postgres")(
      "begins none that another process has stored before an earlier one of its lane is committed",
      async () => {
        const store = await world.open();
        let commit = () => {};
        const held = new Promise<void>((resolve) => {
          commit = resolve;
        });
        const slow = await deliveryProcess({
          store: Object.assign(Object.create(store), {
            write: (access: Access, work: Work<unknown>) =>
              store.write(access, async (transaction) => {
                const value = await work(transaction);
                await held;
                return value;
              }),
          }),
          ...{ folder: folder.path, now },
        });
        // Its tenant's key is there by now.
        await accept("m0", "li");
        const first = accept("m1", "wei", slow);
        await eventually(async () => expect(await states()).toEqual(["m0 pending"]));
        await eventually(async () => expect(await locks(true)).not.toEqual([]));
        const second = accept("m2");
        await eventually(async () => expect(await locks(false)).not.toEqual([]));
        // Of another lane: nobody waits.
        await accept("m3", "li");
        commit();
        await second;
        expect((await begin(process, wei)).message.id).toBe("m1");
        await first;
      },
    );

    it("leaves nothing behind that was stored past it, whatever waits for its turn before that", async () => {
      const options = { store: world.store, folder: folder.path, now, takesAtOnce: true };
      const alone = await deliveryProcess(options);
      await accept("m1", "wei", alone);
      await accept("released", "wei", await another());
      alone.inbox.noteOther(wei);
      const claim = await alone.inbox.claim(wei);
      if (claim.kind !== "entry") throw new Error("nothing to begin");
      expect(claim.entry.message.id).toBe("m1");
      expect(claim.isOnly).toBe(false);
    });

    it("begins a message once that a step of its lane sees before the one who stored it goes on", async () => {
      let goOn = () => {};
      let told = Promise.resolve();
      // Committed, and seen by others, a while before its writer hears of it.
      const store: Store = Object.assign(Object.create(world.store), {
        write: (...given: Parameters<Store["write"]>) =>
          world.store.write(...given).then((result) => told.then(() => result)),
      });
      const options = { folder: folder.path, now, takesAtOnce: true };
      const alone = await deliveryProcess({ ...options, store });
      // Its tenant's key is there by now.
      await accept("m0", "li", alone);
      told = new Promise((resolve) => {
        goOn = resolve;
      });
      const accepting = accept("m1", "wei", alone);
      await eventually(async () => expect(await states()).toContain("m1 pending"));
      const begun: string[] = [];
      const run = async (claim: Claim): Promise<void> => {
        if (claim.kind !== "entry") return;
        begun.push(claim.entry.message.id);
        await alone.outbox.complete(claim.entry, { parts: ["hello"], mayInline: false });
      };
      const early = await alone.inbox.claim(wei);
      goOn();
      await accepting;
      await run(early);
      await run(await alone.inbox.claim(wei));
      expect(begun).toEqual(["m1"]);
    });

    it("is idle where nothing waits, and for another tenant's lane of the same conversation", async () => {
      expect(await process.inbox.claim(wei)).toEqual({ kind: "idle" });
      await accept("m1");
      expect(await process.inbox.claim(laneIn("wei", "legal"))).toEqual({ kind: "idle" });
      await answer(["hello"]);
      expect(await process.inbox.claim(wei)).toEqual({ kind: "idle" });
    });

    it("gives a message to one of many processes that ask at once", async () => {
      await accept("m1");
      const all = [process, ...(await Promise.all([another(), another(), another()]))];
      const claims = await Promise.all(all.map(({ inbox }) => inbox.claim(wei)));
      expect(claims.map(({ kind }) => kind).toSorted()).toEqual([
        "entry",
        "taken",
        "taken",
        "taken",
      ]);
    });

    it("takes a message over when the lease of its process has run out, not before", async () => {
      await accept("m1");
      await begin(process, wei);
      const other = await another();
      time += LEASE_MS - 1;
      expect(await other.inbox.claim(wei)).toEqual({ kind: "taken", afterMs: 1 });
      time += 1;
      expect(await begin(other, wei)).toMatchObject({ attempt: 2 });
    });

    it("takes a message over at once from a process that went down in order", async () => {
      await accept("m1");
      await begin(process, wei);
      await process.lease.release();
      expect(await begin(await another(), wei)).toMatchObject({ attempt: 2 });
    });

    it("keeps the order of a lane while another process has its first message", async () => {
      await accept("m1");
      await accept("m2");
      await begin(process, wei);
      expect(await (await another()).inbox.claim(wei)).toMatchObject({ kind: "taken" });
    });

    it("counts the processes that died under a message, so that one which kills them can be told", async () => {
      await accept("m1");
      for (let attempt = 1; attempt <= 4; attempt++) {
        const dying = await another();
        expect(await begin(dying, wei)).toMatchObject({ attempt });
        await dying.lease.release();
      }
    });

    it("does not hold it against a message that a living process begins it again", async () => {
      await accept("m1");
      await begin(process, wei);
      expect(await begin(process, wei)).toMatchObject({ attempt: 1 });
    });

    it("does not count a turn that was given back, and whoever comes next takes it at once", async () => {
      await accept("m1");
      await process.inbox.giveBack(await begin(process, wei));
      const other = await another();
      expect(await begin(other, wei)).toMatchObject({ attempt: 1 });
      expect(await process.inbox.claim(wei)).toMatchObject({ kind: "taken" });
    });

    it("gives nothing back that another process has taken over", async () => {
      await accept("m1");
      const entry = await begin(process, wei);
      time += LEASE_MS;
      const other = await another();
      await begin(other, wei);
      await process.inbox.giveBack(entry);
      const third = await another();
      expect(await third.inbox.claim(wei)).toMatchObject({ kind: "taken" });
    });

    it("begins nothing when the message's key cannot be had, and does not hold that against it", async () => {
      await accept("m1");
      const other = await another();
      const open = vi.spyOn(other.cipher, "open");
      for (let failure = 1; failure <= 5; failure++) {
        open.mockRejectedValueOnce(new KeyError("the key service is away"));
        await expect(other.inbox.claim(wei)).rejects.toThrow(KeyError);
      }
      expect(await begin(await another(), wei)).toMatchObject({ attempt: 1 });
    });
  });

  describe("a process that lost its turn", () => {
    it("stores no reply beside the winner's", async () => {
      await accept("m1");
      const stalled = await begin(process, wei);
      time += LEASE_MS;
      const other = await another();
      const won = await begin(other, wei);
      const late = { parts: ["late"], mayInline: false };
      expect(await process.outbox.complete(stalled, late)).toEqual({
        isOurs: false,
        isInline: false,
      });
      expect(await states()).toEqual(["m1 pending"]);
      const winner = { parts: ["one", "two"], mayInline: false };
      expect(await other.outbox.complete(won, winner)).toMatchObject({ isOurs: true });
      expect(await process.outbox.complete(stalled, late)).toMatchObject({ isOurs: false });
      expect(await world.sql("SELECT part FROM outbox ORDER BY part")).toEqual([
        { part: 0 },
        { part: 1 },
      ]);
    });

    it("can neither bury nor move the message", async () => {
      await accept("m1");
      const stalled = await begin(process, wei);
      time += LEASE_MS;
      const other = await another();
      await begin(other, wei);
      await process.inbox.bury(stalled, "stalled");
      await process.inbox.move(stalled, legal);
      expect(await states()).toEqual(["m1 pending"]);
      expect(await world.sql("SELECT tenant_id FROM inbox")).toEqual([{ tenant_id: "sales" }]);
    });
  });

  describe("moving to another tenant", () => {
    it("seals the message anew: it opens under the new tenant's key, and under no other", async () => {
      await accept("m1");
      const entry = await begin(process, wei);
      await process.inbox.move(entry, legal);
      const [row] = await world.sql("SELECT tenant_id, message FROM inbox");
      const sealed = row?.message as Uint8Array;
      const place = JSON.stringify(["inbox", "test", "m1", "message"]);
      expect(row?.tenant_id).toBe("legal");
      expect((await process.cipher.open(legal, place, sealed)).toString()).toContain("text of m1");
      await expect(process.cipher.open(sales, place, sealed)).rejects.toThrow(/cannot open/);
      expect(await process.inbox.claim(wei)).toEqual({ kind: "idle" });
      expect(await begin(await another(), laneIn("wei", "legal"))).toMatchObject({
        message: entry.message,
        scope: legal,
        attempt: 1,
      });
    });
  });

  it("a message that moved goes before what came later and was taken with its storing", async () => {
    const options = { store: world.store, folder: folder.path, now, takesAtOnce: true };
    const alone = await deliveryProcess(options);
    await accept("m1", "wei", alone);
    const moved = await begin(alone, wei);
    await alone.inbox.accept(textMessage("m2"), legal);
    await alone.inbox.move(moved, legal);
    const lane = laneIn("wei", "legal");
    for (const id of ["m1", "m2"]) {
      const claim = await alone.inbox.claim(lane);
      if (claim.kind !== "entry") throw new Error(`nothing to begin: ${claim.kind}`);
      expect(claim.entry).toMatchObject({ attempt: 1, message: { id } });
      // Who takes it for the only one does not look for the other.
      expect(claim.isOnly).toBe(false);
      await alone.outbox.complete(claim.entry, { parts: [], mayInline: false });
    }
    expect(await alone.inbox.claim(lane)).toEqual({ kind: "idle" });
  });

  describe("a message whose stored bytes were changed", () => {
    it("is dead with the reason, and holds nobody up", async () => {
      await accept("m1");
      await accept("m2");
      await world.sql(
        "UPDATE inbox SET message = (SELECT message FROM inbox WHERE key = 'm2') WHERE key = 'm1'",
      );
      expect(await process.inbox.claim(wei)).toEqual({ kind: "taken", afterMs: 0 });
      expect(await begin(process, wei)).toMatchObject({ message: { id: "m2" } });
      expect(await states()).toEqual(["m1 dead", "m2 pending"]);
      expect(await world.sql("SELECT reason FROM inbox WHERE key = 'm1'")).toEqual([
        { reason: "its content was changed in the store" },
      ]);
      expect(process.log.lines).toMatchObject([
        { level: "error", fields: { alert: "message_unreadable" } },
      ]);
    });
  });

  describe("lanes with work", () => {
    const legalToo = (id: string, sender: string) =>
      process.inbox.accept(textMessage(id, "x", sender), legal);

    it("come by tenant and id, each once, page by page", async () => {
      for (const [id, sender] of [
        ["m1", "bo"],
        ["m2", "an"],
        ["m3", "an"],
        ["m4", "cy"],
      ] as const) {
        await accept(id, sender);
      }
      await legalToo("m5", "an");
      const { pendingLanes } = process.inbox;
      const first = await pendingLanes(undefined, 2);
      expect(first).toEqual([laneIn("an", "legal"), laneIn("an")]);
      expect(await pendingLanes(first.at(-1), 2)).toEqual([laneIn("bo"), laneIn("cy")]);
      expect(await pendingLanes(laneIn("cy"), 2)).toEqual([]);
    });

    it("skip the rest of a tenant", async () => {
      await legalToo("m1", "an");
      await legalToo("m2", "bo");
      await accept("m3", "an");
      expect(await process.inbox.pendingLanes({ tenantId: "legal" }, 1)).toEqual([laneIn("an")]);
    });
  });

  describe("a request to stop", () => {
    it("is for a message that somebody works on, and is gone with its turn", async () => {
      await accept("m1");
      expect(await process.inbox.requestStop(wei)).toEqual([]);
      const entry = await begin(process, wei);
      const other = await another();
      expect(await other.inbox.requestStop(wei)).toEqual([entry.id]);
      expect(await process.inbox.stopRequests()).toEqual(new Set([entry.id]));
      expect(await other.inbox.stopRequests()).toEqual(new Set());
      await process.outbox.complete(entry, { parts: [], mayInline: false });
      expect(await process.inbox.stopRequests()).toEqual(new Set());
    });

    it("ends the turn of whoever takes it over from a process that died over it, or gave it back", async () => {
      await accept("m1");
      await begin(process, wei);
      await process.inbox.requestStop(wei);
      time += LEASE_MS;
      const other = await another();
      const again = await begin(other, wei);
      expect(again.isStopped).toBe(true);
      await other.inbox.giveBack(again);
      expect((await begin(process, wei)).isStopped).toBe(true);
    });

    it("does not outlive the message that it was meant for", async () => {
      await accept("m1");
      await accept("m2");
      const entry = await begin(process, wei);
      await process.inbox.requestStop(wei);
      await process.outbox.complete(entry, { parts: [], mayInline: false });
      expect((await begin(process, wei)).isStopped).toBe(false);
      expect(await process.inbox.stopRequests()).toEqual(new Set());
    });

    it("reaches no other conversation and no other tenant", async () => {
      await accept("m1");
      await begin(process, wei);
      expect(await process.inbox.requestStop(laneIn("bo"))).toEqual([]);
      expect(await process.inbox.requestStop(laneIn("wei", "legal"))).toEqual([]);
      expect(await process.inbox.stopRequests()).toEqual(new Set());
    });
  });

  describe("what its sender takes back", () => {
    const said = (messageId: string, senderId = "wei") => ({
      ...{ channel: textMessage(messageId).channel, messageId, senderId },
    });
    const nothing = { ids: [], isAhead: false };

    it("waits and is in work no more, whoever takes it, also after its process died", async () => {
      await accept("m1");
      await accept("m2");
      const entry = await begin(process, wei);
      expect(await process.inbox.withdraw(wei, said("m1"))).toEqual({
        ...{ ids: [entry.id], isAhead: false },
      });
      expect(await process.inbox.stopRequests()).toEqual(new Set([entry.id]));
      await process.inbox.withdraw(wei, said("m2"));
      time += LEASE_MS;
      const other = await another();
      const again = await begin(other, wei);
      expect([again.message.id, again.isStopped]).toEqual(["m1", true]);
      await other.outbox.complete(again, { parts: [], mayInline: false });
      expect(await begin(other, wei)).toMatchObject({ message: { id: "m2" }, isStopped: true });
    });

    it("are its edits, too, and no message whose id only begins alike", async () => {
      for (const id of ["m1", "m1/edit/7", "m12", "m1/reaction"]) await accept(id);
      expect((await process.inbox.withdraw(wei, said("m1"))).ids).toHaveLength(2);
    });

    it("is an edit of what is answered, too, that comes while what waits is looked for", async () => {
      await accept("m1");
      await answer(["answer"]);
      const store = await world.open();
      const { read } = store;
      let edit: Claim | undefined;
      const slow: Store = Object.assign(Object.create(store), {
        read: async (...given: Parameters<Store["read"]>) => {
          const found = await read(...given);
          if (Array.isArray(found) && !edit) {
            await accept("m1/edit/7");
            edit = await process.inbox.claim(wei);
          }
          return found;
        },
      });
      const other = await deliveryProcess({ store: slow, folder: folder.path, now });
      await other.inbox.withdraw(wei, said("m1"));
      expect(edit).toMatchObject({ entry: { message: { id: "m1/edit/7" }, isStopped: true } });
    });

    it("is nothing of another person, conversation or tenant, nor what is answered", async () => {
      await accept("m1");
      expect(await process.inbox.withdraw(wei, said("m1", "mallory"))).toEqual(nothing);
      expect(await process.inbox.withdraw(laneIn("bo"), said("m1"))).toEqual(nothing);
      expect(await process.inbox.withdraw(laneIn("wei", "legal"), said("m1"))).toEqual(nothing);
      const entry = await begin(process, wei);
      expect(entry.isStopped).not.toBe(true);
      await process.outbox.complete(entry, { parts: ["answer"], mayInline: false });
      expect(await process.inbox.withdraw(wei, said("m1"))).toEqual(nothing);
    });
  });
});

describe("lanes", () => {
  it("keep conversations apart whose ids could be glued into the same string", () => {
    const inRoom = (workspaceId: string, id: string) =>
      laneOf({ ...textMessage("m"), workspaceId, conversation: { id, kind: "direct" } });
    expect(inRoom("a", "b:c")).not.toBe(inRoom("a:b", "c"));
  });

  it("put a deletion beside its conversation", () => {
    const event = { name: "message_deleted", platformName: "x", fields: { id: "m1" } } as const;
    const deletion = { ...textMessage("d1"), content: { kind: "event", event } as const };
    expect(laneOf(deletion)).not.toBe(laneOf(textMessage("m1")));
  });

  it("put /stop beside its conversation, however it is written, and nothing else", () => {
    const lane = laneOf(textMessage("m1", "hello"));
    for (const text of ["/stop", " /Stop\n", "/STOP"]) {
      expect(laneOf(textMessage("m2", text))).not.toBe(lane);
    }
    for (const text of ["/stopp", "stop", "please /stop", "/stop it"]) {
      expect(laneOf(textMessage("m3", text))).toBe(lane);
    }
  });
});
