import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TenantIndex } from "../../config/tenant.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { createInbox } from "../../core/delivery/inbox.ts";
import { createOutbox } from "../../core/delivery/outbox.ts";
import { createDispatcher, type Dispatcher } from "../../core/dispatcher.ts";
import type { Context } from "../../core/stage.ts";
import { openStore, type Store } from "../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../fakes/channel.ts";
import { recordedLog } from "../fakes/log.ts";
import { textMessage } from "../fakes/messages.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { recordedAudit, tenantWith } from "../fakes/turn.ts";

const folder = temporaryFolder();
let store: Store;
let gateway: ReturnType<typeof start>;

const sales: TenantIndex = {
  get: () => tenantWith(),
  resolve: () => ({ kind: "tenant", tenant: tenantWith() }),
};
const echo = async ({ message }: Context): Promise<Reply> => ({
  kind: "text",
  markdown: message.content.kind === "text" ? message.content.text : "",
});

const start = (pipeline = echo, tenants = sales) => {
  const channel: FakeChannel = fakeChannel();
  const adapters = new Map([["test", channel]]);
  const stopping = new AbortController();
  const log = recordedLog();
  const auditLog = recordedAudit();
  const now = () => new Date();
  const { signal } = stopping;
  const outbox = createOutbox({ store, adapters, now, random: () => 0, log, signal });
  const dispatcher: Dispatcher = createDispatcher({
    inbox: createInbox(store, now),
    outbox,
    adapters,
    rules: () => ({ tenants, pipeline }),
    auditLog,
    log,
    now,
    signal,
  });
  const stop = async () => {
    stopping.abort();
    await dispatcher.drain();
    await outbox.drain();
  };
  return { channel, dispatcher, outbox, log, records: auditLog.records, stop };
};

beforeEach(async () => {
  store = await openStore(folder.path);
});
afterEach(async () => {
  await gateway.stop();
  await store.close();
});

const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 1 });
const never = new Promise<void>(() => {});
/** A pipeline whose turns end when the test says so. */
const held = () => {
  const ends = new Map<string, () => void>();
  const begun: string[] = [];
  const pipeline = ({ message, signal }: Context) =>
    new Promise<Reply>((resolve, reject) => {
      begun.push(message.id);
      ends.set(message.id, () => resolve({ kind: "text", markdown: `re ${message.id}` }));
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  return { pipeline, begun, end: (id: string) => ends.get(id)?.() };
};

describe("dispatcher", () => {
  it("hands a reply that is ready in time to the response that waits for it", async () => {
    gateway = start();
    const receipt = await gateway.dispatcher.receive(textMessage("m1", "hi"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toBe("hi");
    expect(gateway.channel.sent).toEqual([]);
  });

  it("sends a reply that was not ready at the deadline, once", async () => {
    const { pipeline, end, begun } = held();
    gateway = start(pipeline);
    const receipt = await gateway.dispatcher.receive(textMessage("m1"));
    let giveUp = (): void => {};
    const deadline = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const waiting = receipt.inlineReply(deadline);
    await eventually(() => expect(begun).toEqual(["m1"]));
    giveUp();
    expect(await waiting).toBeUndefined();
    end("m1");
    await eventually(() =>
      expect(gateway.channel.sent.map((part) => part.body)).toEqual(["re m1"]),
    );
  });

  it("answers a redelivery with the very same reply and runs nothing again", async () => {
    const pipeline = vi.fn(echo);
    gateway = start(pipeline);
    const first = await gateway.dispatcher.receive(textMessage("m1", "hi"));
    (await first.inlineReply(never))?.settled(true);
    const again = await gateway.dispatcher.receive(textMessage("m1", "hi"));
    expect(again.isNew).toBe(false);
    expect((await again.inlineReply(never))?.body).toBe("hi");
    expect(pipeline).toHaveBeenCalledTimes(1);
  });

  it("lets a redelivery go at once while the turn still runs", async () => {
    const { pipeline, begun } = held();
    gateway = start(pipeline);
    await gateway.dispatcher.receive(textMessage("m1"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    const again = await gateway.dispatcher.receive(textMessage("m1"));
    expect(await again.inlineReply(never)).toBeUndefined();
  });

  it("keeps the order within a conversation and lets others pass a slow one", async () => {
    const { pipeline, begun, end } = held();
    gateway = start(pipeline);
    for (const [id, sender] of [
      ["a1", "an"],
      ["a2", "an"],
      ["b1", "bo"],
    ] as const) {
      await gateway.dispatcher.receive(textMessage(id, "x", sender));
    }
    await eventually(() => expect(begun).toEqual(["a1", "b1"]));
    end("b1");
    await eventually(() =>
      expect(gateway.channel.sent.map((part) => part.body)).toEqual(["re b1"]),
    );
    end("a1");
    await eventually(() => expect(begun).toEqual(["a1", "b1", "a2"]));
  });

  it("does a turn again that a dying process left unfinished", async () => {
    const { pipeline, begun } = held();
    gateway = start(pipeline);
    await gateway.dispatcher.receive(textMessage("m1", "hi"));
    await eventually(() => expect(begun).toEqual(["m1"]));
    await gateway.stop();
    gateway = start();
    await gateway.dispatcher.resume();
    await eventually(() => expect(gateway.channel.sent.map((part) => part.body)).toEqual(["hi"]));
  });

  it("gives up on a message under which the process died three times, and says so", async () => {
    const message = textMessage("m1");
    const inbox = createInbox(store, () => new Date());
    await inbox.accept(message);
    const lane = (await inbox.pendingLanes())[0] ?? "";
    for (let death = 1; death <= 3; death++) await inbox.begin(lane);
    const pipeline = vi.fn(echo);
    gateway = start(pipeline);
    await gateway.dispatcher.resume();
    await eventually(() => expect(gateway.channel.sent[0]?.body).toContain("[INTERNAL]"));
    expect(pipeline).not.toHaveBeenCalled();
    expect(gateway.records).toMatchObject([{ code: "INTERNAL", tenantId: "sales" }]);
  });

  it("answers a reply that cannot be rendered with an apology, without doing the turn again", async () => {
    const pipeline = vi.fn(echo);
    gateway = start(pipeline);
    const { render } = gateway.channel;
    gateway.channel.render = (reply) => {
      if (reply.kind === "text") throw new RangeError("a bug");
      return render(reply);
    };
    await gateway.dispatcher.receive(textMessage("m1"));
    await eventually(() => expect(gateway.channel.sent[0]?.body).toContain("[INTERNAL]"));
    expect(pipeline).toHaveBeenCalledTimes(1);
  });

  it("does not let a channel that can render nothing hold up its messages for ever", async () => {
    gateway = start();
    gateway.channel.render = () => {
      throw new RangeError("a bug");
    };
    await gateway.dispatcher.receive(textMessage("m1"));
    await eventually(async () =>
      expect(await createInbox(store, () => new Date()).pendingLanes()).toEqual([]),
    );
    expect(gateway.log.lines).toMatchObject([
      { fields: { alert: "reply_not_renderable" } },
      { fields: { alert: "reply_not_renderable" } },
    ]);
  });

  it("does not hold it against a message that the gateway was restarted often, or its store failed", async () => {
    await createInbox(store, () => new Date()).accept(textMessage("m1", "hi"));
    for (let restart = 1; restart <= 5; restart++) {
      const { pipeline, begun } = held();
      gateway = start(pipeline);
      await gateway.dispatcher.resume();
      await eventually(() => expect(begun).toEqual(["m1"]));
      await gateway.stop();
    }
    gateway = start();
    await gateway.dispatcher.resume();
    await eventually(() => expect(gateway.channel.sent[0]?.body).toBe("hi"));
  });

  it("refuses a sender of no tenant by name of the reason, on record under the platform's own scope", async () => {
    gateway = start(echo, { get: () => undefined, resolve: () => ({ kind: "unknown" }) });
    const receipt = await gateway.dispatcher.receive(textMessage("m1"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toMatch(/\[TENANT_UNKNOWN\]$/);
    expect(gateway.records).toMatchObject([{ tenantId: "_platform", code: "TENANT_UNKNOWN" }]);
  });

  it("never guesses between two tenants", async () => {
    const ids = ["a", "b"];
    gateway = start(echo, { get: () => undefined, resolve: () => ({ kind: "ambiguous", ids }) });
    const receipt = await gateway.dispatcher.receive(textMessage("m1"));
    const inline = await receipt.inlineReply(never);
    inline?.settled(true);
    expect(inline?.body).toMatch(/\[TENANT_AMBIGUOUS\]$/);
  });

  it("does not answer an event of an unknown tenant", async () => {
    gateway = start(echo, { get: () => undefined, resolve: () => ({ kind: "unknown" }) });
    const event = { name: "app_opened", platformName: "enter_agent", fields: {} } as const;
    const message: InboundMessage = { ...textMessage("e1"), content: { kind: "event", event } };
    await gateway.dispatcher.receive(message);
    await eventually(() => expect(gateway.records).toMatchObject([{ decision: "silent" }]));
    expect(gateway.channel.sent).toEqual([]);
  });
});
