import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nonceOf } from "../../../channels/discord/nonce.ts";
import { type DiscordTarget, discordTarget, readTarget } from "../../../channels/discord/target.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { Answer } from "../../../core/contract/reply.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { type DiscordRest, type RestFault, startDiscordRest } from "../../fakes/discord-rest.ts";
import { eventually } from "../../fakes/eventually.ts";
import { type Bench, newBench } from "./deliver.ts";

const ROOM = "800000000000000001";
const GUILD = "600000000000000001";

let discord: DiscordRest;
let bench: Bench;

beforeEach(async () => {
  discord = await startDiscordRest();
  discord.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  bench = newBench(discord);
});

afterEach(async () => {
  bench.close();
  await discord.close();
});

const ask = (more: Partial<DiscordTarget> = {}) => {
  const question = discord.write(ROOM, { content: "a question" });
  return discordTarget({ channelId: ROOM, guildId: GUILD, replyTo: question.id, ...more });
};

const text = (markdown: string, more: Partial<Answer> = {}): Answer => ({
  ...{ kind: "text", markdown, ...more },
});

const contents = (channelId = ROOM) => discord.said(channelId).map(({ content }) => content);

describe("discordTarget", () => {
  it("gives back what went in, and holds the token where core seals it", () => {
    const target: DiscordTarget = {
      ...{ channelId: ROOM, guildId: GUILD, replyTo: "700000000000000009" },
      threadOf: { messageId: "700000000000000009", name: "why?" },
      interaction: {
        ...{ applicationId: "900000000000000001", token: "a-secret", deferred: "update" },
        expiresAt: new Date(1_800_000_000_000),
      },
      ...{ cardMessageId: "700000000000000008", attachmentSizeLimit: 5 },
    };
    const stored = discordTarget(target);
    expect(readTarget(stored)).toEqual(target);
    const { cardToken, ...open } = stored;
    expect(JSON.stringify(open)).not.toContain("a-secret");
    expect(cardToken).toContain("a-secret");
    const direct = { channelId: ROOM, replyTo: "1" };
    expect(readTarget(discordTarget(direct))).toEqual(direct);
  });
});

describe("nonceOf", () => {
  it("is 25 characters, the same for the same name only", () => {
    const nonces = new Set(Array.from({ length: 1000 }, (_, i) => nonceOf(`${i}.0`)));
    expect(nonces.size).toBe(1000);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-z]{25}$/);
    expect(nonceOf("1.0")).toBe(nonceOf("1.0"));
  });
});

describe("sending to a room", () => {
  it("answers the question once: no mention, no preview, a nonce", async () => {
    const target = ask();
    expect(await bench.deliver(target, text("hello @everyone <@123456789012345678>"))).toEqual([
      "delivered",
    ]);
    const [call] = discord.callsOf("POST /channels/:id/messages");
    expect(call?.body).toMatchObject({
      allowed_mentions: { parse: [], replied_user: false },
      enforce_nonce: true,
      flags: 4,
      message_reference: { message_id: target.replyTo, fail_if_not_exists: false },
    });
    expect(String(call?.body.nonce)).toHaveLength(25);
    expect(contents()).toEqual(["hello @\u200beveryone <\u200b@123456789012345678>"]);
  });

  const temporary: readonly [string, RestFault][] = [
    ["a 500", { status: 500 }],
    ["a 500 after commit", { status: 500, isDone: true }],
    ["a cut connection", { cut: "lost" }],
    ["a connection cut after commit", { cut: "done" }],
    ["a hang", { hang: "lost" }],
    ["a hang after commit", { hang: "done" }],
    ["a 429", { limitS: 0.2 }],
    ["a 429 without a bucket", { limitS: 0.2, isBare: true }],
    ["a global 429", { limitS: 0.2, isGlobal: true }],
    ["a proxy's page", { pageStatus: 404 }],
  ];

  it.each(temporary)("answers once in spite of %s", async (_, fault) => {
    discord.failNext("POST /channels/:id/messages", fault);
    const ends = await bench.deliver(ask(), text("the answer"));
    expect(ends.at(-1)).toBe("delivered");
    expect(contents()).toEqual(["the answer"]);
  });

  it.each(temporary)("sends equal parts once each in spite of %s", async (_, fault) => {
    const forgetful = await startDiscordRest({ nonceMs: 0 });
    forgetful.channels.set(ROOM, { id: ROOM });
    const lone = newBench(forgetful);
    const question = forgetful.write(ROOM, {});
    const target = discordTarget({ channelId: ROOM, guildId: GUILD, replyTo: question.id });
    const part = `${"x".repeat(1990)}\n`;
    forgetful.failNext("POST /channels/:id/messages", { slowMs: 0 }, fault);
    const ends = await lone.deliver(target, text(part.repeat(3), { isVerbatim: true }));
    expect(ends.at(-1)).toBe("delivered");
    expect(forgetful.said(ROOM).map(({ content }) => content)).toEqual([part, part, part]);
    lone.close();
    await forgetful.close();
  });

  it("finds an answer that arrived although its nonce is forgotten", async () => {
    discord.failNext("POST /channels/:id/messages", { status: 500, isDone: true });
    const target = ask();
    const [body = ""] = bench.sender.render(text("the answer"), target);
    const { signal } = new AbortController();
    const part = { id: "1.0", target, body, attempt: 1, isRepeat: false };
    expect((await bench.sender.send(part, signal)).kind).toBe("unknown");
    expect((await bench.sender.reconcile({ ...part, attempt: 2 }, signal)).kind).toBe("delivered");
    expect(discord.callsOf("POST /channels/:id/messages")).toHaveLength(1);
  });

  it("takes nobody else's message for its own, nor an equal answer to another question", async () => {
    const first = ask();
    await bench.deliver(first, text("ok"));
    const second = ask();
    discord.write(ROOM, { content: "ok" });
    discord.failNext("POST /channels/:id/messages", { status: 500 });
    expect(await bench.deliver(second, text("ok"), { id: "2" })).toEqual(["unknown", "delivered"]);
    expect(contents()).toEqual(["ok", "ok"]);
  });

  it.each([
    ["words", "ok", "ok"],
    ["files", "a".repeat(30_000), "b".repeat(30_001)],
  ])(
    "sends both of two answers alike whose questions stand above them: %s",
    async (_, one, two) => {
      const [first, second] = [ask(), ask()];
      await bench.deliver(first, text(one));
      discord.failNext("POST /channels/:id/messages", { cut: "lost" });
      expect(await bench.deliver(second, text(two), { id: "2" })).toEqual(["unknown", "delivered"]);
      expect(discord.said(ROOM)).toHaveLength(2);
    },
  );

  it("tells two files apart by their sizes after a restart", async () => {
    const [first, second] = [ask(), ask()];
    await bench.deliver(first, text("a".repeat(30_000)));
    const next = newBench(discord, { state: bench.state });
    const [body = ""] = next.sender.render(text("b".repeat(30_001)), second);
    const part = { id: "2.0", target: second, body, attempt: 2, isRepeat: false };
    const { signal } = new AbortController();
    expect(await next.sender.reconcile(part, signal)).toEqual({ kind: "send" });
    next.close();
  });

  it.each([
    ["an unknown room", 404, 10003],
    ["no access", 403, 50001],
    ["no permission", 403, 50013],
    ["nobody to be written to", 403, 50007],
    ["a body that is none", 400, 50035],
  ])("gives up at once on %s", async (_, status, code) => {
    discord.failAlways("POST /channels/:id/messages", { status, code });
    expect(await bench.deliver(ask(), text("hello"))).toEqual(["refused"]);
    expect(discord.callsOf("POST /channels/:id/messages")).toHaveLength(1);
  });

  it("delays nobody else while a post hangs", async () => {
    const other = "800000000000000002";
    discord.channels.set(other, { id: other });
    discord.failNext("POST /channels/:id/messages", { hang: "lost" });
    const order: string[] = [];
    const hanging = bench.deliver(ask(), text("slow")).then(() => order.push("slow"));
    await eventually(() => expect(discord.callsOf("POST /channels/:id/messages")).toHaveLength(1));
    const question = discord.write(other, {});
    const target = discordTarget({ channelId: other, guildId: GUILD, replyTo: question.id });
    await bench.deliver(target, text("quick"), { id: "2" }).then(() => order.push("quick"));
    await hanging;
    expect(order).toEqual(["quick", "slow"]);
  });

  it("is sent later while the store is away, once", async () => {
    const { state } = bench;
    let isAway = true;
    const get: ChannelState["get"] = async (key) => {
      if (isAway) throw new Error("the store is away");
      return state.get(key);
    };
    const lone = newBench(discord, { state: { ...state, get } });
    const target = ask();
    const [body = ""] = lone.sender.render(text("hello"), target);
    const part = { id: "1.0", target, body, attempt: 1, isRepeat: false };
    const { signal } = new AbortController();
    expect((await lone.sender.send(part, signal)).kind).toBe("unknown");
    expect((await lone.sender.reconcile(part, signal)).kind).toBe("retry");
    isAway = false;
    expect((await lone.sender.reconcile(part, signal)).kind).toBe("send");
    expect((await lone.sender.send(part, signal)).kind).toBe("delivered");
    expect(contents()).toEqual(["hello"]);
    lone.close();
  });

  it("waits with everything once the token is refused, calling nobody", async () => {
    discord.failNext("POST /channels/:id/messages", { status: 401, code: 0 });
    const { signal } = new AbortController();
    const target = ask();
    const [body = ""] = bench.sender.render(text("hello"), target);
    const part = { id: "1.0", target, body, attempt: 1, isRepeat: false };
    for (let i = 0; i < 3; i++) {
      expect(await bench.sender.send(part, signal)).toMatchObject({
        kind: "retry",
        afterMs: 60_000,
      });
    }
    expect(discord.calls).toHaveLength(1);
    expect(bench.rest.fault()).toBeDefined();
  });

  it("sends 60 KB whole, as one file, and shorter answers in parts with closed fences", async () => {
    const long = Array.from({ length: 1500 }, (_, i) => `line ${i} ${"語".repeat(10)}`).join("\n");
    await bench.deliver(ask(), text(long, { isVerbatim: true }));
    const [file] = discord.callsOf("POST /channels/:id/messages")[0]?.files ?? [];
    expect(file?.name).toBe("answer.txt");
    expect(file?.bytes.toString()).toBe(long);
    const code = `\`\`\`js\n${"const a = 1;\n".repeat(500)}\`\`\``;
    await bench.deliver(ask(), text(code), { id: "2" });
    const parts = contents().filter((content) => content !== "");
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(2000);
      expect(part.match(/```/g)).toHaveLength(2);
      expect(part).toMatch(/^```js\n/);
    }
    expect(parts.join("").match(/const a = 1;/g)).toHaveLength(500);
  });

  it("sends a card, in words where embeds are not allowed, and files after it", async () => {
    const card = {
      ...{ id: "c1", title: "Travel", text: "**3 days**", selects: [] },
      fields: [{ label: "Cost", value: "*12*" }],
      buttons: [{ id: "yes", label: "Approve", style: "primary" as const }],
    };
    const files = [{ name: "plan.csv", bytes: Buffer.from("a,b\n") }];
    discord.failNext("POST /channels/:id/messages", { slowMs: 0 }, { status: 400, code: 50006 });
    await bench.deliver(ask(), text("Please decide.", { card, files }));
    const [said, words, file] = discord.said(ROOM);
    expect(said?.content).toBe("Please decide.");
    expect(words?.content).toContain("**Travel**\n**3 days**\n**Cost**: \\*12\\*");
    expect(words?.components).toMatchObject([{ components: [{ custom_id: "card:b:c1:yes" }] }]);
    expect(file?.attachments[0]?.filename).toBe("plan.csv");
    expect(discord.said(ROOM)).toHaveLength(3);
  });
});

describe("threads", () => {
  const mention = (name = "How do I\nget there, <@900000000000000002>?") => {
    const question = discord.write(ROOM, { content: "a question" });
    return discordTarget({
      ...{ channelId: ROOM, guildId: GUILD, replyTo: question.id },
      threadOf: { messageId: question.id, name },
    });
  };

  it("starts one for the answer, named after the question, and posts all parts there", async () => {
    const target = mention();
    await bench.deliver(target, text("word ".repeat(700)));
    expect(contents()).toEqual([]);
    expect(contents(target.replyTo)).toHaveLength(2);
    const calls = discord.callsOf("POST /channels/:id/messages/:id/threads");
    expect(calls.map(({ body }) => body.name)).toEqual(["How do I get there, ?"]);
  });

  it("uses the one that is there already", async () => {
    const target = mention("");
    discord.channels.set(target.replyTo, { id: target.replyTo, type: 11 });
    expect(await bench.deliver(target, text("hello"))).toEqual(["delivered"]);
    expect(contents(target.replyTo)).toEqual(["hello"]);
  });

  it("answers in the room, once, where it may start none", async () => {
    const target = mention();
    discord.failAlways("POST /channels/:id/messages/:id/threads", { status: 403, code: 50013 });
    expect(await bench.deliver(target, text("hello"))).toEqual(["delivered"]);
    expect(await bench.deliver(target, text("again"), { id: "2" })).toEqual(["delivered"]);
    expect(contents()).toEqual(["hello", "again"]);
    expect(discord.callsOf("POST /channels/:id/messages/:id/threads")).toHaveLength(1);
  });

  it.each([
    ["a 500 after commit", { status: 500, isDone: true }],
    ["a 429", { limitS: 0.2 }],
    ["a hang", { hang: "done" }],
    ["a proxy's page", { pageStatus: 403 }],
  ] as const)("starts one in spite of %s", async (_, fault) => {
    const target = mention();
    discord.failNext("POST /channels/:id/messages/:id/threads", fault);
    const ends = await bench.deliver(target, text("hello"));
    expect(ends).toEqual(["retry", "delivered"]);
    expect(contents(target.replyTo)).toEqual(["hello"]);
  });
});

describe("progress", () => {
  it("grows in one message, which becomes the answer", async () => {
    const target = ask();
    bench.sender.progress(target, "One");
    await discord.waitForSaid(ROOM, 1);
    for (const more of ["One two", "One two three"]) {
      bench.sender.progress(target, more);
      await eventually(() => expect(contents()).toEqual([more]));
    }
    await bench.deliver(target, text("One two three four."));
    expect(contents()).toEqual(["One two three four."]);
    expect(discord.callsOf("POST /channels/:id/messages")).toHaveLength(1);
    expect(discord.typing).toEqual([ROOM]);
    for (const { body } of discord.callsOf("PATCH /channels/:id/messages/:id")) {
      expect(body).toMatchObject({ allowed_mentions: { parse: [] }, flags: 4 });
    }
  });

  it("edits at the pace and not at every word", async () => {
    const target = ask();
    for (let i = 1; i <= 500; i++) bench.sender.progress(target, "word ".repeat(i));
    await eventually(() => expect(contents()[0]?.length).toBeGreaterThan(1990));
    await bench.deliver(target, text("done"));
    expect(discord.callsOf("PATCH /channels/:id/messages/:id").length).toBeLessThan(10);
    expect(contents()).toEqual(["done"]);
  });

  it.each([
    ["before it was known to be there", { status: 500, isDone: true }],
    ["before it was there", { status: 500 }],
    ["after it was there", { slowMs: 0 }],
  ] as const)("one answer when the process dies %s, nonces forgotten", async (_, fault) => {
    const state: ChannelState = memoryState();
    await discord.close();
    discord = await startDiscordRest({ nonceMs: 0 });
    const first = newBench(discord, { state });
    const target = ask();
    discord.failNext("POST /channels/:id/messages", fault);
    first.sender.progress(target, "Unfinis");
    await eventually(() =>
      expect(discord.callsOf("POST /channels/:id/messages")[0]?.status).toBeGreaterThan(0),
    );
    first.close();
    const second = newBench(discord, { state });
    const ends = await second.deliver(target, text("Finished."));
    expect(ends.at(-1)).toBe("delivered");
    expect(contents()).toEqual(["Finished."]);
    second.close();
  });

  it("shows nothing more once the answer is there, whoever sent it", async () => {
    const state: ChannelState = memoryState();
    const get = vi.fn(state.get);
    const runs = newBench(discord, { state: { ...state, get } });
    const sends = newBench(discord, { state });
    const target = ask();
    runs.sender.progress(target, "Unfinished");
    await eventually(async () => {
      const [key = ""] = await state.keys("answer/");
      expect((await state.get(key))?.value).toContain("messageId");
    });
    await sends.deliver(target, text("Finished."));
    get.mockClear();
    runs.sender.progress(target, "Unfinished and late");
    await eventually(() => expect(get).toHaveBeenCalled());
    // It has looked; an edit that came of it would be before this one.
    await runs.rest.request("PATCH", `/channels/${ROOM}/messages/${target.replyTo}`, { body: {} });
    expect(contents()).toEqual(["Finished."]);
    runs.close();
    sends.close();
  });

  it("posts the answer anew when somebody has deleted what was growing", async () => {
    const target = ask();
    bench.sender.progress(target, "Unfinished");
    const [growing] = await discord.waitForSaid(ROOM, 1);
    discord.remove(ROOM, growing?.id ?? "");
    expect(await bench.deliver(target, text("Finished."))).toEqual(["delivered"]);
    expect(contents()).toEqual(["Finished."]);
  });

  describe("in a thread that is put away meanwhile", () => {
    const ARCHIVED = { status: 400, code: 50083 };
    const EDIT = "PATCH /channels/:id/messages/:id";

    it("becomes the answer in the same message all the same", async () => {
      const target = ask();
      bench.sender.progress(target, "Unfinished");
      await discord.waitForSaid(ROOM, 1);
      discord.failNext(EDIT, ARCHIVED);
      expect(await bench.deliver(target, text("Finished."))).toEqual(["delivered"]);
      expect(contents()).toEqual(["Finished."]);
      expect(discord.callsOf("PATCH /channels/:id")[0]?.body).toEqual({ archived: false });
    });

    it("is given up where the thread cannot be taken up again", async () => {
      const target = ask();
      bench.sender.progress(target, "Unfinished");
      await discord.waitForSaid(ROOM, 1);
      discord.failNext(EDIT, ARCHIVED);
      discord.failNext("PATCH /channels/:id", { status: 403, code: 50013 });
      expect(await bench.deliver(target, text("Finished."))).toEqual(["refused"]);
    });

    it("is tried again where Discord does not say whether it was taken up", async () => {
      const target = ask();
      bench.sender.progress(target, "Unfinished");
      await discord.waitForSaid(ROOM, 1);
      discord.failNext(EDIT, ARCHIVED);
      discord.failNext("PATCH /channels/:id", { status: 500 });
      const ends = await bench.deliver(target, text("Finished."));
      expect(ends.at(-1)).toBe("delivered");
      expect(contents()).toEqual(["Finished."]);
    });
  });

  it("becomes a file where the answer is very long", async () => {
    const target = ask();
    const long = "All of it.\n".repeat(4000);
    bench.sender.progress(target, long.slice(0, 5000));
    await discord.waitForSaid(ROOM, 1);
    await bench.deliver(target, text(long));
    const [message, ...others] = discord.said(ROOM);
    expect(others).toEqual([]);
    expect(message).toMatchObject({ content: "", attachments: [{ filename: "answer.md" }] });
  });

  it("is taken back when no answer comes, but never an answer", async () => {
    const [begun, answered] = [ask(), ask()];
    bench.sender.progress(begun, "Unfinished");
    await discord.waitForSaid(ROOM, 1);
    await bench.deliver(answered, text("Finished."));
    for (const target of [begun, answered]) bench.sender.silent(target);
    await eventually(() => expect(contents()).toEqual(["Finished."]));
  });

  it("a second answer to the same question is a message of its own", async () => {
    const target = ask();
    await bench.deliver(target, text("First."), { id: "1" });
    await bench.deliver(target, text("Second."), { id: "2" });
    expect(contents()).toEqual(["First.", "Second."]);
  });
});
