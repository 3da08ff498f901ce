import { afterEach, describe, expect, it, vi } from "vitest";
import type { TenantIndex } from "../../config/tenant.ts";
import { createAuditLog } from "../../core/audit-log.ts";
import type { Directory, Identity } from "../../core/contract/channel.ts";
import { OverloadError } from "../../core/contract/errors.ts";
import type { InboundMessage, ReplyTarget } from "../../core/contract/message.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { laneOf } from "../../core/delivery/lane.ts";
import type { Lane, Schedule } from "../../core/delivery/schedule.ts";
import { createSuspects } from "../../core/delivery/suspects.ts";
import { createQueue } from "../../core/operators/queue.ts";
import type { Pipeline } from "../../core/pipeline.ts";
import type { Context } from "../../core/stage.ts";
import { StoreAwayError } from "../../core/store/errors.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { MAX_ATTEMPTS, SUSPECT_ATTEMPT } from "../../core/turn.ts";
import { fakeChannel } from "../fakes/channel.ts";
import {
  type CoreGateway,
  type CoreGatewayOptions,
  coreGateway,
  tenantByRole,
} from "../fakes/core-gateway.ts";
import { deliveryProcess } from "../fakes/delivery-process.ts";
import { eventually } from "../fakes/eventually.ts";
import { textMessage } from "../fakes/messages.ts";
import { describeStores } from "../fakes/stores.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { tenantWith } from "../fakes/turn.ts";

const folder = temporaryFolder();
const now = () => new Date();

const echo = async ({ message }: Context): Promise<Reply> => ({
  kind: "text",
  markdown: message.content.kind === "text" ? message.content.text : "",
});

/** A pipeline whose turns end when the test says so. */
const held = () => {
  const ends = new Map<string, () => void>();
  const begun: string[] = [];
  const pipeline = ({ message, tenant, signal }: Context) =>
    new Promise<Reply>((resolve, reject) => {
      signal.throwIfAborted();
      begun.push(message.id);
      ends.set(message.id, () =>
        resolve({ kind: "text", markdown: `re ${message.id} of ${tenant.id}` }),
      );
      signal.abortSignal.addEventListener("abort", () => reject(signal.reason));
    });
  return { pipeline, begun, end: (id: string) => ends.get(id)?.() };
};

/** Everybody is in this tenant. */
const allIn = (id: string): TenantIndex => {
  const tenant = tenantWith([], { id });
  return { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) };
};
const byRole = tenantByRole("none");
const inRoom = (id: string, tenant: string): InboundMessage => ({
  ...textMessage(id),
  conversation: { id: "room", kind: "group" },
  sender: { ...textMessage(id).sender, roles: [tenant] },
});

const never = new Promise<void>(() => {});

describeStores("dispatcher", (world) => {
  let gateways: CoreGateway[] = [];
  const start = async (
    pipeline: Pipeline = echo,
    options: Partial<CoreGatewayOptions> = {},
  ): Promise<CoreGateway> => {
    const gateway = await coreGateway({
      ...{ store: world.store, folder: folder.path, pipeline: () => pipeline },
      ...options,
    });
    gateways.push(gateway);
    return gateway;
  };
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
    gateways = [];
  });
  const bodies = ({ channel }: CoreGateway) => channel.sent.map((part) => part.body);
  const states = async () =>
    (await world.sql("SELECT key, state FROM inbox ORDER BY id")).map(
      ({ key, state }) => `${key} ${state}`,
    );

  it("hands a reply that is ready in time to the response that waits for it", async () => {
    const gateway = await start();
    const receipt = await gateway.receive(textMessage("m1", "hi"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toBe("hi");
    expect(gateway.channel.sent).toEqual([]);
    await eventually(async () => expect(await states()).toEqual(["m1 done"]));
  });

  it("sends a reply that was not ready at the deadline, once", async () => {
    const { pipeline, end, begun } = held();
    const gateway = await start(pipeline);
    const receipt = await gateway.receive(textMessage("m1"));
    let passes = () => {};
    const deadline = new Promise<void>((resolve) => {
      passes = resolve;
    });
    const waiting = receipt.inlineReply(deadline);
    await eventually(() => expect(begun).toEqual(["m1"]));
    passes();
    expect(await waiting).toBeUndefined();
    end("m1");
    await eventually(async () => expect(await states()).toEqual(["m1 done"]));
    expect(bodies(gateway)).toEqual(["re m1 of sales"]);
  });

  it("lets a response go at once where no turn can end in time: in a process that answers nothing", async () => {
    const gateway = await start(echo, { isWorker: false });
    const receipt = await gateway.receive(textMessage("m1", "hi"));
    expect(await receipt.inlineReply(never)).toBeUndefined();
  });

  it("answers a redelivery with the very same reply and runs nothing again", async () => {
    const pipeline = vi.fn(echo);
    const gateway = await start(pipeline);
    const first = await gateway.receive(textMessage("m1", "hi"));
    (await first.inlineReply(never))?.settled(true);
    const again = await gateway.receive(textMessage("m1", "hi"));
    expect(again.isNew).toBe(false);
    expect((await again.inlineReply(never))?.body).toBe("hi");
    expect(pipeline).toHaveBeenCalledTimes(1);
  });

  it("lets a redelivery go at once while the turn still runs", async () => {
    const { pipeline, begun } = held();
    const gateway = await start(pipeline);
    await gateway.receive(textMessage("m1"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    const again = await gateway.receive(textMessage("m1"));
    expect(await again.inlineReply(never)).toBeUndefined();
  });

  it("keeps the order within a conversation and lets others pass a slow one", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    for (const [id, sender] of [
      ["a1", "an"],
      ["a2", "an"],
      ["b1", "bo"],
    ] as const) {
      await gateway.receive(textMessage(id, "x", sender));
    }
    await eventually(() => expect(begun.toSorted()).toEqual(["a1", "b1"]));
    end("b1");
    await eventually(() => expect(bodies(gateway)).toEqual(["re b1 of sales"]));
    end("a1");
    await eventually(() => expect(begun.at(-1)).toBe("a2"));
  });

  it("goes on at once with what came while the message before it waited for a slot", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    const busy = Array.from({ length: 8 }, (_, index) => `busy${index}`); // all that a tenant gets
    for (const id of busy) await gateway.receive(textMessage(id, "x", id));
    await eventually(() => expect(begun).toHaveLength(8));
    await gateway.receive(textMessage("a1", "x", "an"));
    await gateway.receive(textMessage("a2", "x", "an"));
    await new Promise(setImmediate); // both have woken their lane
    end("busy0");
    await eventually(() => expect(begun.at(-1)).toBe("a1"));
    end("a1");
    await eventually(() => expect(begun.at(-1)).toBe("a2"));
  });

  it("goes on at once with a message that comes at any moment while its conversation empties", async () => {
    let next: { readonly moment: string; readonly come: () => Promise<unknown> } | undefined;
    const coming: Promise<unknown>[] = [];
    const at = async (moment: string) => {
      if (next?.moment !== moment) return;
      const come = next.come();
      coming.push(come);
      next = undefined;
      await come;
    };
    // The two durable writes of a message are its acceptance and its reply.
    const write: Store["write"] = async (access, work) => {
      if (access === "intake") return world.store.write(access, work);
      await at("before the reply is stored");
      const written = await world.store.write(access, async (transaction) => {
        const result = await work(transaction);
        void at("while the reply is stored"); // stored one after the other
        return result;
      });
      setImmediate(() => void at("when its step ends"));
      await at("right after the reply was stored");
      return written;
    };
    const gateway = await start(
      async (context) => {
        await at("in its turn");
        return echo(context);
      },
      { store: { ...world.store, write } as Store },
    );
    for (const [index, moment] of [
      "in its turn",
      "before the reply is stored",
      "while the reply is stored",
      "right after the reply was stored",
      "when its step ends",
    ].entries()) {
      const say = (id: string) => gateway.receive(textMessage(`${id}${index}`, id, `p${index}`));
      next = { moment, come: () => say("second") };
      await say("first");
      // Well before the ten seconds after which a sweep would find it.
      const answered = () =>
        expect(bodies(gateway).slice(2 * index), moment).toEqual(["first", "second"]);
      await eventually(answered);
    }
    await Promise.all(coming);
    expect(coming).toHaveLength(5);
  });

  it("does once what ends turns, also when the schedule comes to its lane as it begins at once", async () => {
    const { pipeline, begun, end } = held();
    let wake: Schedule["wake"] = () => {};
    const gateway = await start(pipeline, {
      pipeline: (parts) => {
        wake = parts.wake;
        return pipeline;
      },
    });
    const stop = textMessage("m1", "/stop");
    await gateway.receive(stop);
    wake({ id: laneOf(stop), tenantId: "sales" });
    await eventually(() => expect(begun).toEqual(["m1"]));
    // Long enough for another one: whole turns of another conversation.
    for (const id of ["m2", "m3"]) {
      await gateway.receive(textMessage(id, "hi", "li"));
      await eventually(() => expect(begun).toContain(id));
      end(id);
      await eventually(async () => expect(await states()).toContain(`${id} done`));
    }
    end("m1");
    await eventually(async () => expect(await states()).toContain("m1 done"));
    expect(begun).toEqual(["m1", "m2", "m3"]);
  });

  it("takes no reply for delivered that no response carries, since storing it seemed to fail", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    const receipt = await gateway.receive(textMessage("m1"));
    const waiting = receipt.inlineReply(never);
    await eventually(() => expect(begun).toEqual(["m1"]));
    const { write } = world.store;
    vi.spyOn(world.store, "write").mockImplementationOnce(async (access, work) => {
      await write(access, work);
      throw new Error("the connection broke during COMMIT");
    });
    end("m1");
    expect(await waiting).toBeUndefined();
    await eventually(async () =>
      expect(await world.sql("SELECT via, state, reason FROM outbox")).toEqual([
        { via: "inline", state: "pending", reason: "the response broke off" },
      ]),
    );
  });

  it.runIf(world.dialect === "postgres")(
    "takes no reply for delivered that no response carries, which is stored only after that",
    async () => {
      const { pipeline, begun, end } = held();
      const gateway = await start(pipeline);
      const receipt = await gateway.receive(textMessage("m1"));
      const waiting = receipt.inlineReply(never);
      await eventually(() => expect(begun).toEqual(["m1"]));
      const { write } = world.store;
      let commit = () => {};
      const committing = new Promise<void>((resolve) => {
        commit = resolve;
      });
      vi.spyOn(world.store, "write").mockImplementationOnce(
        (access, work) =>
          new Promise((_resolve, reject) => {
            void write(access, async (transaction) => {
              await work(transaction);
              reject(new StoreAwayError("the connection broke during COMMIT"));
              await committing;
            });
          }),
      );
      end("m1");
      expect(await waiting).toBeUndefined();
      // The turn is given back: that waits for the commit, too.
      await eventually(async () => {
        const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        expect(await world.sql(waits)).not.toEqual([]);
      });
      commit();
      await eventually(async () =>
        expect(await world.sql("SELECT via, state, reason FROM outbox")).toEqual([
          { via: "inline", state: "pending", reason: "the response broke off" },
        ]),
      );
    },
  );

  it("does a turn again that a dying process left unfinished", async () => {
    const { pipeline, begun } = held();
    const dying = await start(pipeline);
    await dying.receive(textMessage("m1", "hi"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    await dying.stop();
    const gateway = await start();
    await eventually(() => expect(bodies(gateway)).toEqual(["hi"]));
  });

  /** Processes begin the turns of these messages and die under them, so many times. */
  const dieUnder = async (messages: readonly InboundMessage[], times: number) => {
    for (let death = 1; death <= times; death++) {
      const dying = await deliveryProcess({ store: world.store, folder: folder.path, now });
      for (const message of messages) await dying.inbox.accept(message, tenantScope("sales"));
      const lanes = await dying.inbox.pendingLanes(undefined, messages.length);
      const suspects = createSuspects([SUSPECT_ATTEMPT, MAX_ATTEMPTS], () => {});
      for (const lane of lanes) await dying.inbox.claim(lane, suspects);
      await dying.lease.release();
    }
  };

  it("runs alone one of those under which processes died twice, to find the one that kills them", async () => {
    const suspects = ["wei", "ann", "bo", "eve"].map((sender) => textMessage(sender, "hi", sender));
    await dieUnder(suspects, 2);
    const { pipeline, begun, end } = held();
    const read = vi.spyOn(world.store, "read");
    const gateway = await start(pipeline);
    await gateway.receive(textMessage("new", "hi", "cleo"));
    // Each asks over a connection of its own, and who comes when nobody waits is a first one again.
    const asked = () =>
      read.mock.settledResults.map(({ value }) => (value as { key?: string })?.key);
    await eventually(() =>
      expect(asked()).toEqual(expect.arrayContaining(suspects.map(({ id }) => id))),
    );
    read.mockRestore();
    // With each that ended one more runs beside the next.
    for (const running of [1, 2, 1]) {
      const ended = bodies(gateway).length;
      const atWork = () => begun.filter((id) => id !== "new").slice(ended);
      await eventually(() =>
        expect([atWork().length, begun.includes("new")]).toEqual([running, true]),
      );
      for (const id of atWork()) end(id);
      await eventually(() => expect(bodies(gateway)).toHaveLength(ended + running));
    }
    expect([...begun].sort()).toEqual(["ann", "bo", "eve", "new", "wei"]);
  });

  it("gives none of several up that ran side by side when the third process died", async () => {
    const messages = ["wei", "ann", "bo"].map((sender) => textMessage(sender, "hi", sender));
    await dieUnder(messages, 2);
    const dying = await deliveryProcess({ store: world.store, folder: folder.path, now });
    const suspects = createSuspects([SUSPECT_ATTEMPT, MAX_ATTEMPTS], () => {});
    const [first, ...others] = await dying.inbox.pendingLanes(undefined, messages.length);
    if (!first) throw new Error("nothing is pending");
    const claim = async (lane: Lane) => dying.inbox.claim(lane, suspects);
    const alone = await claim(first);
    if (alone.kind !== "entry") throw new Error("the first of them was not admitted");
    expect(await Promise.all(others.map(claim))).toMatchObject([
      { kind: "taken" },
      { kind: "taken" },
    ]);
    await dying.outbox.complete(alone.entry, { parts: ["hi"], mayInline: false });
    suspects.stepEnded(first);
    const both = await Promise.all(others.map(claim));
    expect(both).toMatchObject([{ entry: { attempt: 3 } }, { entry: { attempt: 3 } }]);
    await dying.lease.release();
    const gateway = await start();
    await eventually(() => expect(bodies(gateway)).toEqual(["hi", "hi", "hi"]));
  });

  it("gives up on a message under which the process died three times, and says so", async () => {
    await dieUnder([textMessage("m1")], 3);
    const pipeline = vi.fn(echo);
    const gateway = await start(pipeline);
    await eventually(() => expect(bodies(gateway)).toMatchObject([/\[INTERNAL\]/]));
    expect(pipeline).not.toHaveBeenCalled();
    expect(gateway.records).toMatchObject([{ code: "INTERNAL", scope: tenantScope("sales") }]);
    expect(gateway.log.lines).toMatchObject([{ fields: { alert: "poison_message" } }]);
  });

  it("answers a reply that cannot be rendered with an apology, without doing the turn again", async () => {
    const pipeline = vi.fn(echo);
    const gateway = await start(pipeline);
    const { render } = gateway.channel;
    gateway.channel.render = (reply) => {
      if (reply.kind === "text") throw new RangeError("a bug");
      return render(reply);
    };
    await gateway.receive(textMessage("m1"));
    await eventually(() => expect(bodies(gateway)).toMatchObject([/\[INTERNAL\]/]));
    expect(pipeline).toHaveBeenCalledTimes(1);
  });

  it("does not let a channel that can render nothing hold up its messages for ever", async () => {
    const gateway = await start();
    gateway.channel.render = () => {
      throw new RangeError("a bug");
    };
    await gateway.receive(textMessage("m1"));
    await eventually(async () => expect(await states()).toEqual(["m1 dead"]));
    expect(gateway.log.lines).toMatchObject([
      { fields: { alert: "reply_not_renderable" } },
      { fields: { alert: "reply_not_renderable" } },
      { fields: { alert: "dead_letter" } },
    ]);
  });

  it("keeps a message of a channel that was switched off as a dead letter, to be replayed", async () => {
    const off = await start(echo, { channels: [fakeChannel("other")] });
    await off.receive(textMessage("m1", "hi"));
    await eventually(async () => expect(await states()).toEqual(["m1 dead"]));
    const rows = await world.sql("SELECT id, reason FROM inbox");
    expect(rows).toMatchObject([{ reason: "channel test is switched off" }]);
    await off.stop();

    const auditLog = createAuditLog(world.store);
    const operators = createQueue({ store: world.store, auditLog, now });
    const operator = { who: "cli" };
    const change = await operators.replay(operator, Number(rows[0]?.id));
    expect(change).toMatchObject({ kind: "changed" });
    const gateway = await start();
    await eventually(() => expect(bodies(gateway)).toEqual(["hi"]));
  });

  it("does not hold it against a message that the gateway was restarted often, or its store failed", async () => {
    await (await start(held().pipeline)).receive(textMessage("m1", "hi"));
    for (let restart = 1; restart <= 5; restart++) {
      await gateways.at(-1)?.stop();
      const { pipeline, begun } = held();
      await start(pipeline);
      await eventually(() => expect(begun).toEqual(["m1"]));
    }
    await gateways.at(-1)?.stop();
    const gateway = await start();
    const write = vi.spyOn(world.store, "write");
    for (let fault = 1; fault <= 5; fault++) {
      write.mockRejectedValueOnce(new Error("disk full"));
    }
    await eventually(() => expect(bodies(gateway)).toEqual(["hi"]));
    expect(write.mock.calls.length).toBeGreaterThan(5);
  });

  it("leaves to others what it could not store, as soon as the store is back", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    await gateway.receive(textMessage("m1", "hi"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    const away = new StoreAwayError("PostgreSQL not reachable");
    vi.spyOn(world.store, "write").mockRejectedValueOnce(away);
    const owners: unknown[] = [];
    const { note } = world.store;
    vi.spyOn(world.store, "note")
      .mockRejectedValueOnce(away)
      .mockRejectedValueOnce(away)
      .mockImplementation(async (access, work) => {
        const value = await note(access, work);
        owners.push(...(await world.sql("SELECT owner, attempts FROM inbox")));
        return value;
      });
    end("m1");
    const isFree = () => expect(owners).toContainEqual({ owner: "", attempts: 0 });
    await eventually(isFree);
  });

  it("sends at once what the waiting response cannot carry", async () => {
    const gateway = await start(echo);
    const receipt = await gateway.receive(textMessage("m1"));
    expect(await receipt.inlineReply(never, () => false)).toBeUndefined();
    await eventually(() => expect(gateway.channel.sent).toHaveLength(1));
  });

  it("refuses a sender of no tenant by name of the reason, on record under the platform's own scope", async () => {
    const gateway = await start(echo, {
      tenants: { get: () => undefined, resolve: () => ({ kind: "unknown" }) },
    });
    const receipt = await gateway.receive(textMessage("m1"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toMatch(/\[TENANT_UNKNOWN\]$/);
    expect(gateway.records).toMatchObject([{ scope: PLATFORM_SCOPE, code: "TENANT_UNKNOWN" }]);
  });

  it("never guesses between two tenants", async () => {
    const ids = ["a", "b"];
    const gateway = await start(echo, {
      tenants: { get: () => undefined, resolve: () => ({ kind: "ambiguous", ids }) },
    });
    const receipt = await gateway.receive(textMessage("m1"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toMatch(/\[TENANT_AMBIGUOUS\]$/);
  });

  it("does not answer an event of an unknown tenant", async () => {
    const gateway = await start(echo, {
      tenants: { get: () => undefined, resolve: () => ({ kind: "unknown" }) },
    });
    const told: string[] = [];
    Object.assign(gateway.channel, { silent: (target: ReplyTarget) => told.push(target.replyTo) });
    const event = { name: "app_opened", platformName: "enter_agent", fields: {} } as const;
    const message = textMessage("e1");
    await gateway.receive({ ...message, content: { kind: "event", event } });
    await eventually(() => expect(told).toEqual([message.target.replyTo]));
    await eventually(() => expect(gateway.records).toMatchObject([{ decision: "silent" }]));
    await eventually(async () => expect(await states()).toEqual(["e1 done"]));
    expect(gateway.channel.sent).toEqual([]);
  });

  it("tells the channel that somebody is at work, and nothing to an outsider", async () => {
    const gateway = await start(echo);
    const told: string[] = [];
    const working = ({ replyTo }: ReplyTarget) => told.push(replyTo);
    Object.assign(gateway.channel, { working });
    const stranger = textMessage("stranger");
    await gateway.receive({ ...stranger, sender: { ...stranger.sender, isExternal: true } });
    const event = { name: "app_opened", platformName: "enter_agent", fields: {} } as const;
    await gateway.receive({ ...textMessage("event"), content: { kind: "event", event } });
    const message = textMessage("m1");
    await gateway.receive(message);
    // One conversation is worked on in order: the others were decided before this one.
    await eventually(() => expect(told).toEqual([message.target.replyTo]));
  });

  it("answers a message for the tenant that its sender is in when its turn comes", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    await gateway.receive(textMessage("m1"));
    await gateway.receive(textMessage("m2"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    gateway.apply(allIn("legal"));
    end("m1");
    await eventually(() => expect(begun).toEqual(["m1", "m2"]));
    end("m2");
    await eventually(async () => expect(await states()).toEqual(["m1 done", "m2 done"]));
    expect(bodies(gateway)).toEqual(["re m1 of sales", "re m2 of legal"]);
    expect(await world.sql("SELECT tenant_id FROM inbox ORDER BY id")).toEqual([
      { tenant_id: "sales" },
      { tenant_id: "legal" },
    ]);
    expect(await world.sql("SELECT tenant_id FROM outbox ORDER BY inbox_id")).toEqual([
      { tenant_id: "sales" },
      { tenant_id: "legal" },
    ]);
  });

  it("hands a reply inline although its message changed tenants before its turn", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline);
    await gateway.receive(textMessage("m1"));
    const receipt = await gateway.receive(textMessage("m2"));
    const waiting = receipt.inlineReply(never);
    await eventually(() => expect(begun).toEqual(["m1"]));
    gateway.apply(allIn("legal"));
    end("m1");
    await eventually(() => expect(begun).toEqual(["m1", "m2"]));
    end("m2");
    const inline = await waiting;
    expect(inline?.body).toBe("re m2 of legal");
    inline?.settled(true);
    const again = await gateway.receive(textMessage("m2"));
    expect((await again.inlineReply(never))?.body).toBe("re m2 of legal");
  });

  it("does not let one tenant's turn hold up another tenant's in a room that they share", async () => {
    const { pipeline, begun, end } = held();
    const gateway = await start(pipeline, { tenants: byRole });
    await gateway.receive(inRoom("m1", "sales"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    await gateway.receive(inRoom("m2", "legal"));
    await eventually(() => expect(begun).toEqual(["m1", "m2"]));
    end("m2");
    await eventually(() => expect(bodies(gateway)).toEqual(["re m2 of legal"]));
  });

  it("takes no more of a tenant that has too much waiting, but knows what it took, and takes others'", async () => {
    const { pipeline, begun } = held();
    let full = "";
    const gateway = await start(pipeline, {
      tenants: byRole,
      isFull: (tenantId) => tenantId === full,
    });
    await gateway.receive(inRoom("m1", "sales"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    full = "sales";
    await expect(gateway.receive(inRoom("m2", "sales"))).rejects.toThrow(OverloadError);
    expect(await gateway.receive(inRoom("m1", "sales"))).toMatchObject({ isNew: false });
    expect(await gateway.receive(inRoom("m3", "legal"))).toMatchObject({ isNew: true });
    full = "";
    expect(await gateway.receive(inRoom("m2", "sales"))).toMatchObject({ isNew: true });
  });

  it("lets one of two processes do the turn of a message that both were handed at once", async () => {
    const pipeline = vi.fn(echo);
    const one = await start(pipeline);
    const other = await start(pipeline, { store: await world.open() });
    const receipts = await Promise.all(
      [one, other, one, other].map((gateway) => gateway.receive(textMessage("m1", "hi"))),
    );
    expect(receipts.filter((receipt) => receipt.isNew)).toHaveLength(1);
    await eventually(async () => expect(await states()).toEqual(["m1 done"]));
    expect(pipeline).toHaveBeenCalledTimes(1);
    expect([...bodies(one), ...bodies(other)]).toEqual(["hi"]);
  });

  describe("where tenants depend on departments", () => {
    const asksForDepartments = () => true;
    /** Whoever is in no department belongs to everybody's tenant. */
    const tenants: TenantIndex = {
      get: () => undefined,
      resolve: ({ departments: [id = "everybody"] }) => ({
        kind: "tenant",
        tenant: tenantWith([], { id }),
      }),
    };
    const sayTenant = async ({ tenant, message }: Context): Promise<Reply> => ({
      kind: "text",
      markdown: `${message.sender.displayName} of ${tenant.id}`,
    });
    const wei: Identity = { isActive: true, displayName: "Wei", departments: ["legal"] };
    const withDirectory = async (directory: Directory) =>
      start(sayTenant, {
        ...{ asksForDepartments, tenants },
        channels: [{ ...fakeChannel(), directory }],
      });
    const answer = async (gateway: CoreGateway): Promise<string | undefined> => {
      const receipt = await gateway.receive(textMessage("m1"));
      const inline = await receipt.inlineReply(never);
      inline?.settled(true);
      return inline?.body;
    };
    const tenantOf = async () =>
      (await world.sql("SELECT tenant_id FROM inbox")).map(({ tenant_id }) => tenant_id);

    it("stores a message of a person who is known under its tenant at once", async () => {
      const lookUp = vi.fn(async () => undefined);
      const gateway = await withDirectory({ known: async () => wei, lookUp });
      await gateway.receive(textMessage("m1"));
      expect(await tenantOf()).toEqual(["legal"]);
      expect(lookUp).not.toHaveBeenCalled();
    });

    it("stores a message first, then asks who wrote it, then answers for the right tenant", async () => {
      let tenantWhileAsked: unknown[] = [];
      const gateway = await withDirectory({
        known: async () => undefined,
        lookUp: async () => {
          tenantWhileAsked = await tenantOf();
          return wei;
        },
      });
      expect(await answer(gateway)).toBe("Wei of legal");
      expect(tenantWhileAsked).toEqual([PLATFORM_SCOPE.tenantId]);
      expect(await tenantOf()).toEqual(["legal"]);
    });

    it("refuses while nobody can be asked, rather than fall back on another tenant's binding", async () => {
      const nobody = async () => undefined;
      const gateway = await withDirectory({ known: nobody, lookUp: nobody });
      expect(await answer(gateway)).toContain("[DIRECTORY_UNAVAILABLE]");
    });

    it("refuses whom the directory says to have left", async () => {
      const left = async () => ({ isActive: false, displayName: "", departments: ["legal"] });
      const gateway = await withDirectory({ known: async () => undefined, lookUp: left });
      expect(await answer(gateway)).toContain("[TENANT_UNKNOWN]");
    });

    it("asks nobody where no setting depends on it", async () => {
      const lookUp = vi.fn(async () => wei);
      const known = vi.fn(async () => wei);
      const gateway = await start(sayTenant, {
        ...{ tenants, asksForDepartments: () => false },
        channels: [{ ...fakeChannel(), directory: { known, lookUp } }],
      });
      expect(await answer(gateway)).toBe("wei of everybody");
      expect([known.mock.calls, lookUp.mock.calls]).toEqual([[], []]);
    });
  });
});
