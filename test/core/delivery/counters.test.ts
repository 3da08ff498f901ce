import { expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import { createInbox } from "../../../core/delivery/inbox.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import { createOutbox } from "../../../core/delivery/outbox.ts";
import { takeProcessLease } from "../../../core/delivery/process-lease.ts";
import { createRunningTurns } from "../../../core/delivery/running-turns.ts";
import { createDispatcher } from "../../../core/dispatcher.ts";
import { createMetrics } from "../../../core/metrics/metrics.ts";
import { PLATFORM_SCOPE } from "../../../core/store/scope.ts";
import { fakeChannel } from "../../fakes/channel.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { counted } from "../../fakes/counted.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { tenantWith } from "../../fakes/turn.ts";

const folder = temporaryFolder();

describeStores("the counters", (world) => {
  it("count what a process took in, answered, sent, tried again and gave up", async () => {
    const { store } = world;
    let clock = 1_795_000_000_000;
    let isFull = false;
    const now = () => new Date(clock);
    const [log, signal] = [recordedLog(), new AbortController().signal];
    const cipher = await cipherOn(store, folder.path);
    const channel = fakeChannel();
    const adapters = new Map([["test", channel]]);
    const wake = () => {};
    /** Another process on the same store. */
    const start = async () => {
      const lease = await takeProcessLease({ store, now, log, isAlone: false });
      const counters = createCounters();
      const metrics = createMetrics();
      const parts = { store, cipher, owner: lease.id, now, log, counters, metrics };
      const inbox = createInbox(parts);
      const outbox = createOutbox({
        ...{ ...parts, adapters, signal, isAlone: false },
        random: () => 0,
        schedule: () => ({ wake }),
      });
      const dispatcher = createDispatcher({
        ...{ inbox, outbox, adapters, log, now, signal, counters, metrics, isWorker: true },
        turns: createRunningTurns({ inbox, log, signal, lookEveryMs: 0 }),
        schedule: () => ({ wake, isFull: () => isFull }),
        rules: () => ({
          tenants: {
            get: () => undefined,
            resolve: () => ({ kind: "tenant", tenant: tenantWith() }),
          },
          pipeline: async () => ({ kind: "text", markdown: "one|two" }),
        }),
        auditLog: createAuditLog(store),
      });
      return { counters, metrics, inbox, outbox, dispatcher };
    };
    const dead = await start();
    const message = textMessage("m1");
    const lane = { id: laneOf(message), tenantId: "sales" };
    await dead.dispatcher.receive(message);
    await dead.dispatcher.receive(message);
    isFull = true;
    await expect(dead.dispatcher.receive(textMessage("m2"))).rejects.toThrow();
    await dead.inbox.claim(lane);
    clock += 60_000;

    const alive = await start();
    await alive.dispatcher.step(lane);
    channel.outcomes.push(
      { kind: "delivered" },
      { kind: "unknown", reason: "timeout" },
      { kind: "retry", afterMs: 1, reason: "busy" },
      { kind: "refused", reason: "60111" },
    );
    for (let turn = 0; turn < 4; turn++) {
      await alive.outbox.step(lane);
      clock += 60_000;
    }
    const none = createCounters();
    expect(dead.counters).toEqual({ ...none, accepted: 1, duplicates: 1, overloaded: 1 });
    const [sales, told] = [["sales", "test"], "clawgate_callbacks_total"];
    expect(counted(dead.metrics, told)).toEqual([
      [...sales, "text", "store", "new", 1],
      [...sales, "text", "store", "duplicate", 1],
      [...sales, "text", "store", "put_off", 1],
    ]);
    expect(counted(alive.metrics, "clawgate_turns_total")).toEqual([
      [...sales, "answered", "again", 1],
    ]);
    expect(counted(alive.metrics, "clawgate_sends_total")).toEqual([
      [...sales, "delivered", "first", 1],
      [...sales, "unknown", "first", 1],
      [...sales, "retry", "again", 1],
      [...sales, "refused", "again", 1],
    ]);
    expect(alive.counters).toEqual({
      ...none,
      answered: 1,
      takenOver: 1,
      sends: { delivered: 1, unknown: 1, retry: 1, refused: 1 },
      retries: 2,
      deadLetters: 1,
    });
  });

  it("count a message whose content was changed in the store among the dead letters", async () => {
    const { store } = world;
    const now = () => new Date(1_795_000_000_000);
    const log = recordedLog();
    const cipher = await cipherOn(store, folder.path);
    const { id: owner } = await takeProcessLease({ store, now, log, isAlone: true });
    const counters = createCounters();
    const start = () => createInbox({ store, cipher, owner, now, log, counters });
    const message = textMessage("m1");
    await start().accept(message, PLATFORM_SCOPE);
    await world.sql("UPDATE inbox SET key = 'another'");
    // Another process than the one that still has it in hand.
    await start().claim({ id: laneOf(message), tenantId: PLATFORM_SCOPE.tenantId });
    expect(counters).toMatchObject({ accepted: 0, deadLetters: 1 });
  });
});
