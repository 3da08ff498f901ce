import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { fakeChannel } from "../../fakes/channel.ts";
import {
  type CoreGateway,
  type CoreGatewayOptions,
  coreGateway,
  tenantByRole,
} from "../../fakes/core-gateway.ts";
import { deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type Thinking, thinking } from "../../fakes/thinking.ts";

const folder = temporaryFolder();
const LOOK_EVERY_MS = 25;
const PATIENT = { timeout: 30_000, interval: 5 };

let mind: Thinking;
beforeEach(() => {
  mind = thinking();
});
const now = () => new Date();

const byRole = tenantByRole("sales");

const inRoom = (id: string, sender: string, tenant: string): InboundMessage => ({
  ...textMessage(id, "a question", sender),
  conversation: { id: "room", kind: "group" },
  sender: { ...textMessage(id, "", sender).sender, roles: [tenant] },
});

/** That the sender of this message has deleted it. */
const deletionOf = (message: InboundMessage, id = message.id): InboundMessage => ({
  ...message,
  id: `deletion of ${id} by ${message.sender.id}`,
  content: {
    kind: "event",
    event: { name: "message_deleted", platformName: "gone", fields: { id } },
  },
});

describeStores("a deleted question", (world) => {
  let gateways: CoreGateway[] = [];
  const start = async (options: Partial<CoreGatewayOptions> = {}): Promise<CoreGateway> => {
    const gateway = await coreGateway({
      ...{ store: world.store, folder: folder.path, pipeline: mind.pipeline, tenants: byRole },
      ...options,
    });
    gateways.push(gateway);
    return gateway;
  };
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
    gateways = [];
  });

  const sent = () =>
    gateways.flatMap(({ channel }) => channel.sent.map((part) => part.target.replyTo));
  const done = (...keys: string[]) =>
    vi.waitFor(async () => {
      for (const key of keys) {
        const rows = await world.sql(`SELECT state FROM inbox WHERE key = '${key}'`);
        expect([key, rows[0]?.state]).toEqual([key, "done"]);
      }
    }, PATIENT);
  const runs = (...ids: string[]) => vi.waitFor(() => expect(mind.begun).toEqual(ids), PATIENT);
  const onRecord = () =>
    gateways.flatMap(({ records }) =>
      records.map(({ message, decision, code, detail }) => [
        ...[message?.id, decision, code],
        detail?.withdrawn,
      ]),
    );

  it("that runs is ended, one that waits is dropped, both on record, and the next comes", async () => {
    const [first, second, third] = [textMessage("m1"), textMessage("m2"), textMessage("m3")];
    const working: string[] = [];
    const channel = {
      ...fakeChannel(),
      working: ({ replyTo }: InboundMessage["target"]) => void working.push(replyTo),
    };
    const gateway = await start({ channels: [channel] });
    for (const message of [first, second, third]) await gateway.receive(message);
    await runs("m1");
    await gateway.receive(deletionOf(second));
    await done(deletionOf(second).id);
    await gateway.receive(deletionOf(first));
    await runs("m1", "m3");
    mind.end("m3");
    await done("m1", "m2", "m3", deletionOf(first).id);
    expect(sent()).toEqual(["m3"]);
    expect(onRecord()).toEqual(
      expect.arrayContaining([
        ["m1", "silent", "STOPPED", undefined],
        ["m2", "silent", "STOPPED", undefined],
        [deletionOf(first).id, "silent", "QUESTION_WITHDRAWN", 1],
        [deletionOf(second).id, "silent", "QUESTION_WITHDRAWN", 1],
      ]),
    );
    // Nobody is told that an answer to what was dropped is being made.
    expect(working).toEqual(["m1", "m3"]);
  });

  it("is dropped by the next process when the one that it waited in has ended", async () => {
    const before = await start();
    await before.receive(textMessage("m1"));
    await before.receive(textMessage("m2"));
    await runs("m1");
    await before.receive(deletionOf(textMessage("m2")));
    await done(deletionOf(textMessage("m2")).id);
    await before.stop();
    await start();
    await runs("m1", "m1");
    mind.end("m1");
    await done("m1", "m2");
    expect(sent()).toEqual(["m1"]);
  });

  it("is ended in the process that runs it, wherever its deletion is heard", async () => {
    await (await start({ lookEveryMs: LOOK_EVERY_MS })).receive(textMessage("m1"));
    await runs("m1");
    const other = await start({ store: await world.open(), lookEveryMs: LOOK_EVERY_MS });
    await other.receive(deletionOf(textMessage("m1")));
    await done("m1");
    expect(sent()).toEqual([]);
  });

  it("that is answered keeps its answer", async () => {
    const gateway = await start();
    await gateway.receive(textMessage("m1"));
    await runs("m1");
    mind.end("m1");
    await done("m1");
    const deletion = deletionOf(textMessage("m1"));
    await gateway.receive(deletion);
    await done(deletion.id);
    expect(sent()).toEqual(["m1"]);
    expect(onRecord()).toContainEqual([deletion.id, "silent", "EVENT_NOT_HANDLED", 0]);
  });

  it("that comes after its deletion is not asked, nor is an edit of it, whoever hears of them", async () => {
    const first = await start();
    const [question, edit] = [textMessage("m1"), textMessage("m1/edit/7")];
    const deletion = deletionOf(question);
    await first.receive(deletion);
    await done(deletion.id);
    expect(onRecord()).toContainEqual([deletion.id, "silent", "QUESTION_WITHDRAWN", 0]);
    await first.stop();
    await start();
    const other = await start({ store: await world.open() });
    expect(await other.receive(question)).toMatchObject({ isNew: false });
    await other.receive(edit);
    await done("m1", "m1/edit/7");
    expect([mind.begun, sent()]).toEqual([[], []]);
  });

  it("that was answered leaves no edit of it that comes late to be answered", async () => {
    const gateway = await start();
    const question = textMessage("m1");
    await gateway.receive(question);
    await runs("m1");
    mind.end("m1");
    await done("m1");
    await gateway.receive(deletionOf(question));
    await done(deletionOf(question).id);
    await gateway.receive(textMessage("m1/edit/7"));
    await done("m1/edit/7");
    expect([mind.begun, sent()]).toEqual([["m1"], ["m1"]]);
  });

  it("that never comes is remembered no longer than what came", async () => {
    const gateway = await start();
    await gateway.receive(deletionOf(textMessage("m1")));
    await done("m1", deletionOf(textMessage("m1")).id);
    const { inbox } = await deliveryProcess({ store: world.store, folder: folder.path, now });
    await inbox.prune(new Date(Date.now() + 1));
    expect(await world.sql("SELECT id FROM inbox")).toEqual([]);
  });

  it("of another person, conversation or tenant is not ended by a deletion that names it", async () => {
    const gateway = await start();
    await gateway.receive(inRoom("m1", "ann", "sales"));
    await runs("m1");
    const forged = [
      deletionOf(inRoom("x1", "mallory", "sales"), "m1"),
      { ...deletionOf(inRoom("x2", "ann", "legal"), "m1"), id: "from another tenant" },
      { ...deletionOf(textMessage("x3", "", "ann"), "m1"), id: "from another conversation" },
    ];
    for (const deletion of forged) await gateway.receive(deletion);
    await done(...forged.map(({ id }) => id));
    mind.end("m1");
    await done("m1");
    expect(sent()).toEqual(["m1"]);
  });
});
