import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createInteractions, type Interactions } from "../../../channels/discord/interactions.ts";
import { readTarget } from "../../../channels/discord/target.ts";
import type { Receive, WebhookRequest } from "../../../core/contract/channel.ts";
import { OverloadError, PayloadError, SignatureError } from "../../../core/contract/errors.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import type { Answer, Refusal } from "../../../core/contract/reply.ts";
import { conversationLane } from "../../../core/delivery/lane.ts";
import {
  type DiscordRest,
  type RestFault,
  type StandInInteraction,
  startDiscordRest,
} from "../../fakes/discord-rest.ts";
import { eventually } from "../../fakes/eventually.ts";
import { type Bench, newBench } from "./deliver.ts";

const ROOM = "800000000000000001";
const GUILD = "600000000000000001";
const PERSON = { id: "700000000000000001", username: "tester", global_name: "Tess Ter" };
const LATER_MS = 16 * 60_000;

let discord: DiscordRest;
let bench: Bench;
let interactions: Interactions;
let received: InboundMessage[];
// How far the gateway's clock is ahead.
let aheadMs: number;

const now = (): Date => new Date(Date.now() + aheadMs);

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const publicHex = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");

const receive: Receive = async (message) => {
  received.push(message);
  return { isNew: true, inlineReply: async () => undefined };
};

beforeEach(async () => {
  aheadMs = 0;
  received = [];
  discord = await startDiscordRest();
  discord.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  bench = newBench(discord, { now });
  interactions = storingWithin(60_000);
});

const storingWithin = (storeMs: number): Interactions => {
  const { rest, state, deferrals, log } = bench;
  return createInteractions({
    ...{ rest, state, deferrals, log, now, publicKey: publicHex, storeMs },
  });
};

afterEach(async () => {
  bench.close();
  await discord.close();
});

const inGuild = { channel_id: ROOM, guild_id: GUILD, member: { user: PERSON, roles: ["1"] } };

const command = (more: Readonly<Record<string, unknown>> = {}): StandInInteraction =>
  discord.interact({
    ...{ type: 2, ...inGuild },
    data: { name: "ask", type: 1, options: [{ type: 3, name: "question", value: "Why?" }] },
    ...more,
  });

const click = (customId: string, data: object = {}): StandInInteraction => {
  const message = discord.write(ROOM, { author: discord.botUser, content: "card" });
  return discord.interact({
    ...{ type: 3, ...inGuild, message: { id: message.id } },
    data: { component_type: 2, custom_id: customId, ...data },
  });
};

const text = (markdown: string): Answer => ({ kind: "text", markdown });

const only = (): InboundMessage => {
  expect(received).toHaveLength(1);
  const [message] = received;
  if (!message) throw new Error("nothing was received");
  return message;
};

const said = () => discord.said(ROOM).map(({ content }) => content);

describe("a command from the gateway", () => {
  it("is stored, then deferred before any other call, then answered in the same message", async () => {
    const asked = command();
    await interactions.take(asked.payload, async (message) => {
      expect(discord.calls).toHaveLength(0);
      return receive(message);
    });
    expect(asked.callback).toEqual({ type: 5 });
    const message = only();
    expect(message).toMatchObject({
      ...{ id: asked.id, channel: "discord", workspaceId: GUILD },
      conversation: { id: `${ROOM}/${PERSON.id}`, kind: "group", room: ROOM },
      sender: { id: PERSON.id, displayName: "Tess Ter", roles: ["1"], isBot: false },
      content: { kind: "text", text: "Why?" },
    });
    await bench.deliver(message.target, text("Because."));
    expect(asked.original?.content).toBe("Because.");
    expect(said()).toEqual(["Because."]);
    expect(discord.calls.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  it("is taken where its token is padded Base64, and not where it would leave its route", async () => {
    await interactions.take({ ...command().payload, token: "aW50:ZX+J==" }, receive);
    expect(readTarget(only().target).interaction?.token).toBe("aW50:ZX+J==");
    for (const token of ["../x", "a/b", "a?b", "a#b", "a%2Fb", ""]) {
      await interactions.take({ ...command().payload, token }, receive);
    }
    only();
  });

  it("has no other call made about it while the deferral is on its way", async () => {
    discord.failNext("POST /interactions/:id/:token/callback", { slowMs: 100 });
    const asked = command();
    const answered: Promise<unknown>[] = [];
    await interactions.take(asked.payload, async (message) => {
      bench.sender.progress(message.target, "Beca");
      answered.push(bench.deliver(message.target, text("Because.")));
      return receive(message);
    });
    await Promise.all(answered);
    expect(discord.calls[0]?.route).toMatch(/callback$/);
    expect(said()).toEqual(["Because."]);
  });

  it.each([
    ["whatever it is called", { name: "translate", options: [{ type: 3, value: "a b" }] }, "a b"],
    ["without options", { name: "help" }, "help"],
    [
      "with subcommands",
      { name: "x", options: [{ type: 1, name: "y", options: [{ type: 3, value: "deep" }] }] },
      "deep",
    ],
  ])("is a question %s", async (_, data, question) => {
    await interactions.take(command({ data }).payload, receive);
    expect(only().content).toMatchObject({ kind: "text", text: question });
  });

  it("brings its files and the message that it is about", async () => {
    const file = {
      id: "1",
      filename: "a.png",
      content_type: "image/png",
      size: 3,
      url: "https://x",
    };
    const data = {
      ...{ name: "Summarise", type: 3, target_id: "5" },
      resolved: { messages: { "5": { content: "their words" } }, attachments: { "1": file } },
    };
    await interactions.take(command({ data }).payload, receive);
    expect(only().content).toMatchObject({
      ...{ kind: "text", quote: "their words" },
      attachments: [{ kind: "image", name: "a.png", sizeBytes: 3 }],
    });
  });

  it("in a direct chat or a thread belongs to that conversation", async () => {
    const direct = { channel_id: ROOM, guild_id: undefined, member: undefined, user: PERSON };
    await interactions.take(
      command({ ...direct, channel: { id: ROOM, type: 1 } }).payload,
      receive,
    );
    const thread = { id: "800000000000000009", type: 11, parent_id: ROOM };
    const inThread = { channel_id: thread.id, channel: thread };
    await interactions.take(command(inThread).payload, receive);
    expect(received).toMatchObject([
      { workspaceId: "", conversation: { id: ROOM, kind: "direct" }, sender: { id: PERSON.id } },
      { workspaceId: GUILD, conversation: { id: thread.id, kind: "group", room: ROOM } },
    ]);
  });

  it("does not wait for what somebody else asks in the same room", async () => {
    const other = { user: { ...PERSON, id: "700000000000000077" }, roles: [] };
    await interactions.take(command().payload, receive);
    await interactions.take(command({ member: other }).payload, receive);
    const [mine, theirs] = received.map(conversationLane);
    expect(mine).not.toBe(theirs);
    expect(received.map(({ conversation }) => conversation.room)).toEqual([ROOM, ROOM]);
  });

  it("gets its further parts in order, once each, whatever goes wrong", async () => {
    const asked = command();
    await interactions.take(asked.payload, receive);
    const part = `${"x".repeat(1990)}\n`;
    const faults: RestFault[] = [
      { status: 500, isDone: true },
      { status: 500 },
      { limitS: 0.2, isBare: true },
    ];
    discord.failNext("POST /webhooks/:id/:token", ...faults);
    const answer: Answer = { kind: "text", markdown: part.repeat(4), isVerbatim: true };
    expect((await bench.deliver(only().target, answer)).at(-1)).toBe("delivered");
    expect(said()).toEqual([part, part, part, part]);
  });

  it("gets its further parts without a bot token, too, whatever goes wrong", async () => {
    bench.close();
    bench = newBench(discord, { now, token: undefined });
    const { rest, state, deferrals, log } = bench;
    const asked = command();
    await createInteractions({ rest, state, deferrals, log, now }).take(asked.payload, receive);
    discord.failNext("POST /webhooks/:id/:token", { status: 500 });
    const part = `${"x".repeat(1990)}\n`;
    const answer: Answer = { kind: "text", markdown: part.repeat(2), isVerbatim: true };
    expect((await bench.deliver(only().target, answer)).at(-1)).toBe("delivered");
    expect(said()).toEqual([part, part]);
  });

  it("is answered by a normal message once its token has expired", async () => {
    const asked = command();
    await interactions.take(asked.payload, receive);
    asked.expire();
    expect(await bench.deliver(only().target, text("Late."))).toEqual(["delivered"]);
    aheadMs = LATER_MS;
    expect(
      await bench.deliver(only().target, text("Later."), { id: "2" }),
      "without a try",
    ).toEqual(["delivered"]);
    expect(said()).toEqual(["Late.", "Later."]);
    expect(discord.callsOf("PATCH /webhooks/:id/:token/messages/@original")).toHaveLength(1);
    expect(discord.callsOf("POST /channels/:id/messages")[0]?.body).not.toHaveProperty(
      "message_reference",
    );
  });

  it("is answered although the deferral came too late", async () => {
    const asked = command();
    discord.failAlways("POST /interactions/:id/:token/callback", { status: 404, code: 10062 });
    await interactions.take(asked.payload, receive);
    aheadMs = 60_000;
    await bench.deliver(only().target, text("Because."));
    expect(said()).toEqual(["Because."]);
  });

  it.each([
    ["a 500", { status: 500 }],
    ["a 500 after it was done", { status: 500, isDone: true }],
    ["a 429", { limitS: 0.2, isBare: true }],
    ["a cut connection", { cut: "lost" }],
  ] as const)("is deferred within 3 s in spite of %s", async (_, fault) => {
    discord.failNext("POST /interactions/:id/:token/callback", fault);
    const asked = command();
    await interactions.take(asked.payload, receive);
    expect(asked.callback).toEqual({ type: 5 });
  });

  it.each([
    ["cannot be stored", async () => Promise.reject(new Error("disk full"))],
    ["is one too many", async () => Promise.reject(new OverloadError("t1"))],
    ["takes too long to be stored", () => new Promise<never>(() => {})],
  ])("that %s says so to the person alone", async (_, store) => {
    const asked = command({ locale: "zh-TW" });
    await storingWithin(200).take(asked.payload, store);
    expect(asked.callback).toMatchObject({ type: 4, data: { flags: 64 } });
    expect(asked.original?.content).toContain("請稍後再試一次");
  });

  it("from an unbound person is refused to that person alone, and not left announced", async () => {
    const refusal: Refusal = {
      ...{ kind: "refusal", code: "TENANT_UNKNOWN", markdown: "No. [TENANT_UNKNOWN]" },
    };
    const asked = command();
    await interactions.take(asked.payload, receive);
    discord.failNext("DELETE /webhooks/:id/:token/messages/@original", {
      status: 500,
      isDone: true,
    });
    expect(await bench.deliver(only().target, refusal)).toEqual(["retry", "delivered"]);
    expect(discord.messages(ROOM).map(({ content, flags }) => [content, flags & 64])).toEqual([
      ["No. [TENANT_UNKNOWN]", 64],
    ]);
  });

  it("is taken back when there is no answer to it", async () => {
    const asked = command();
    await interactions.take(asked.payload, receive);
    bench.sender.silent(only().target);
    await eventually(() => expect(asked.original).toBeUndefined());
    expect(discord.messages(ROOM)).toEqual([]);
  });

  it("grows in the announced message", async () => {
    const asked = command();
    await interactions.take(asked.payload, receive);
    bench.sender.progress(only().target, "Becau");
    await eventually(() => expect(asked.original?.content).toBe("Becau"));
    await bench.deliver(only().target, text("Because."));
    expect(said()).toEqual(["Because."]);
  });

  it("leaves its token in no log line", async () => {
    const asked = command();
    await interactions.take(asked.payload, receive);
    discord.failAlways("*", { status: 500 });
    await bench.deliver(only().target, text("Because."), { tries: 2 });
    expect(JSON.stringify(bench.log.lines)).not.toContain(asked.token);
  });
});

describe("clicks and forms", () => {
  it("say which button of which card, with the choices made before", async () => {
    const message = discord.write(ROOM, { author: discord.botUser });
    const on = (custom_id: string, values?: readonly string[]) =>
      discord.interact({
        ...{ type: 3, ...inGuild, message: { id: message.id } },
        data: { custom_id, ...(values && { values }) },
      });
    const choices = [on("card:c:c1:who", ["ann", "bob"]), on("card:c:c1:when", ["now"])];
    for (const choice of choices) await interactions.take(choice.payload, receive);
    expect(received).toEqual([]);
    const button = on("card:b:c1:yes");
    await interactions.take(button.payload, receive);
    for (const one of [...choices, button]) expect(one.callback).toEqual({ type: 6 });
    expect(only().content).toMatchObject({
      event: {
        name: "card_clicked",
        click: { cardId: "c1", buttonId: "yes", choices: { who: ["ann", "bob"], when: ["now"] } },
      },
    });
    const target = readTarget(only().target);
    expect(target).toMatchObject({
      cardMessageId: message.id,
      interaction: { deferred: "update" },
    });
  });

  it("change the card that was clicked, also when the token has expired", async () => {
    const pressed = click("card:b:c1:yes");
    await interactions.take(pressed.payload, receive);
    const card = { id: "c1", title: "Travel", fields: [], selects: [], buttons: [] };
    const decided = (status: string): Answer => ({
      ...{ kind: "text", markdown: "", card: { ...card, status } },
    });
    await bench.deliver(only().target, decided("Approved"));
    const [shown] = discord.messages(ROOM);
    expect(shown?.embeds).toMatchObject([{ title: "Travel", description: "**Approved**" }]);
    aheadMs = LATER_MS;
    await bench.deliver(only().target, decided("Paid"), { id: "2" });
    expect(shown?.embeds).toMatchObject([{ description: "**Paid**" }]);
    expect(discord.messages(ROOM)).toHaveLength(1);
  });

  it("come back by alias where the ids of card and button are long", async () => {
    const [cardId, buttonId] = ["c".repeat(64), "b".repeat(64)];
    const card = {
      ...{ id: cardId, title: "Long", fields: [], selects: [] },
      buttons: [{ id: buttonId, label: "Go" }],
    };
    const asked = command();
    await interactions.take(asked.payload, receive);
    await bench.deliver(only().target, { kind: "text", markdown: "", card });
    const shown = JSON.stringify(asked.original?.components);
    const [, customId = ""] = /"custom_id":"([^"]+)"/.exec(shown) ?? [];
    received = [];
    await interactions.take(click(customId).payload, receive);
    expect(only().content).toMatchObject({ event: { click: { cardId, buttonId } } });
  });

  it.each(["", "foreign", "card:b:", "card:x:c1:yes", "card:#unknown", `card:#${"a".repeat(43)}`])(
    "that are none of ours are acknowledged and go nowhere: %j",
    async (customId) => {
      const pressed = click(customId);
      await interactions.take(pressed.payload, receive);
      expect(pressed.callback).toEqual({ type: 6 });
      expect(received).toEqual([]);
    },
  );

  it("open a form where a command came without a question, and what is handed in is one", async () => {
    const asked = command({ data: { name: "ask", type: 1 }, locale: "zh-TW" });
    await interactions.take(asked.payload, receive);
    expect(asked.callback).toMatchObject({
      type: 9,
      data: {
        title: "向助理提問",
        components: [{ components: [{ type: 4, label: "您的問題", required: true }] }],
      },
    });
    expect(received).toEqual([]);
    const form = asked.callback?.data as {
      custom_id: string;
      components: [{ components: [{ custom_id: string }] }];
    };
    const [{ components }] = form.components;
    const handedIn = discord.interact({
      ...{ type: 5, ...inGuild },
      data: {
        custom_id: form.custom_id,
        components: [{ type: 1, components: [{ ...components[0], value: "Why not?" }] }],
      },
    });
    await interactions.take(handedIn.payload, receive);
    expect(handedIn.callback).toEqual({ type: 5 });
    const message = only();
    expect(message).toMatchObject({
      ...{ id: handedIn.id, sender: { id: PERSON.id }, conversation: { room: ROOM } },
      content: { kind: "text", text: "Why not?" },
    });
    await bench.deliver(message.target, text("Because."));
    expect(said()).toEqual(["Because."]);
  });

  it("open no form for an operator's own command, whose name is the question", async () => {
    const asked = command({ data: { name: "status", type: 1 } });
    await interactions.take(asked.payload, receive);
    expect(asked.callback).toEqual({ type: 5 });
    expect(only().content).toMatchObject({ text: "status" });
  });

  it("hand in what was written into a form", async () => {
    const input = (custom_id: string, value: string) => ({ type: 4, custom_id, value });
    const form = discord.interact({
      ...{ type: 5, ...inGuild },
      data: {
        custom_id: "leave",
        components: [
          { type: 1, components: [input("why", "rest")] },
          { type: 18, component: input("when", "May") },
          { type: 18, component: { type: 3, custom_id: "who", values: ["ann", "bob"] } },
        ],
      },
    });
    await interactions.take(form.payload, receive);
    expect(form.callback).toEqual({ type: 5 });
    expect(only().content).toMatchObject({
      event: {
        name: "form_submitted",
        fields: { custom_id: "leave", why: "rest", when: "May", who: "ann,bob" },
      },
    });
  });

  it("autocompletion suggests nothing", async () => {
    const typed = command({ type: 4 });
    await interactions.take(typed.payload, receive);
    expect(typed.callback).toEqual({ type: 8, data: { choices: [] } });
    expect(received).toEqual([]);
  });
});

describe("the interactions endpoint", () => {
  const request = (
    body: string | Buffer,
    more: { key?: KeyObject; at?: Date; timestamp?: string; signature?: string } = {},
  ): WebhookRequest => {
    const bytes = Buffer.from(body);
    const timestamp = more.timestamp ?? String(Math.floor((more.at ?? now()).getTime() / 1000));
    const signed = Buffer.concat([Buffer.from(timestamp), bytes]);
    const signature = more.signature ?? sign(null, signed, more.key ?? privateKey).toString("hex");
    return {
      ...{ method: "POST", query: "", body: bytes, hungUp: new Promise(() => {}) },
      headers: { "x-signature-ed25519": signature, "x-signature-timestamp": timestamp },
    };
  };

  it("answers Discord's ping", async () => {
    expect(await interactions.webhook(request('{"type":1}'), receive)).toEqual({
      ...{ status: 200, contentType: "application/json", body: '{"type":1}' },
    });
  });

  it("defers in its response, and answers after that was written", async () => {
    const asked = command();
    const response = await interactions.webhook(request(JSON.stringify(asked.payload)), receive);
    expect(JSON.parse(response.body ?? "")).toEqual({ type: 5 });
    const delivery = bench.deliver(only().target, text("Because."));
    await new Promise((resolve) => setImmediate(resolve));
    expect(discord.calls).toEqual([]);
    asked.answerByHttp({ type: 5 });
    response.settled?.(true);
    await delivery;
    expect(said()).toEqual(["Because."]);
  });

  it("tries again soon when Discord has not read the deferral yet", async () => {
    const asked = command();
    const response = await interactions.webhook(request(JSON.stringify(asked.payload)), receive);
    response.settled?.(true);
    discord.failNext("PATCH /webhooks/:id/:token/messages/@original", { status: 404, code: 10015 });
    asked.answerByHttp({ type: 5 });
    expect(await bench.deliver(only().target, text("Because."))).toEqual(["retry", "delivered"]);
    expect(said()).toEqual(["Because."]);
  });

  const other = generateKeyPairSync("ed25519").privateKey;
  it.each([
    ["signed by somebody else", () => request("{}", { key: other })],
    ["without a signature", () => request("{}", { signature: "" })],
    ["with a short signature", () => request("{}", { signature: "ab" })],
    ["of another body", () => ({ ...request('{"type":1}'), body: Buffer.from('{"type":2}') })],
    ["that is old", () => request("{}", { at: new Date(now().getTime() - 301_000) })],
    ["from the future", () => request("{}", { at: new Date(now().getTime() + 301_000) })],
    ["with a timestamp that is none", () => request("{}", { timestamp: "now" })],
    ["without headers", () => ({ ...request("{}"), headers: {} })],
  ])("answers 401 to a request %s", async (_, forge) => {
    const refused = interactions.webhook(forge(), receive);
    await expect(refused).rejects.toBeInstanceOf(SignatureError);
    await expect(refused).rejects.toMatchObject({ status: 401 });
    expect(received).toEqual([]);
  });

  it.each(["", "{", "[]", "null", '"a"', "{}", '{"type":2}', "\xff"])(
    "refuses what is signed and cannot be read: %j",
    async (body) => {
      await expect(interactions.webhook(request(body), receive)).rejects.toBeInstanceOf(
        PayloadError,
      );
    },
  );

  it("never fails on a signed body and never accepts a forged one, whatever is in it", async () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const lifelike = fc.record(
      {
        id: fc.oneof(fc.constant("1"), json),
        application_id: fc.oneof(fc.constant("2"), json),
        type: fc.oneof(fc.integer({ min: 0, max: 6 }), json),
        token: fc.oneof(fc.constant("abc"), fc.constant("a/../b"), json),
        channel_id: fc.oneof(fc.constant("3"), json),
        guild_id: fc.oneof(fc.constant("4"), json),
        user: fc.oneof(fc.constant({ id: "5" }), json),
        member: json,
        message: json,
        channel: json,
        data: fc.oneof(
          json,
          fc.record({
            name: json,
            options: fc.array(json),
            custom_id: fc.oneof(fc.constant("card:b:c:d"), fc.constant("card:c:__proto__:d"), json),
            values: fc.array(json),
            components: fc.array(json),
            resolved: json,
          }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(lifelike, json), fc.boolean(), async (value, isForged) => {
        const made = request(JSON.stringify(value), isForged ? { key: other } : {});
        const ended = await interactions.webhook(made, receive).then(
          ({ status, settled }) => {
            settled?.(true);
            return status;
          },
          (error: unknown) =>
            error instanceof SignatureError || error instanceof PayloadError ? error.status : error,
        );
        expect(isForged ? [401] : [200, 400]).toContain(ended);
      }),
      { numRuns: 400 },
    );
  });

  it("says what is wrong with a public key that is none", () => {
    const { rest, state, deferrals, log } = bench;
    const parts = { rest, state, deferrals, log, now };
    expect(() => createInteractions({ ...parts, publicKey: "abc" })).toThrow(/public_key/);
  });
});
