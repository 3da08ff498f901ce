import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Card } from "../../../core/contract/card.ts";
import type { OutboundPart, Reconciliation, SendOutcome } from "../../../core/contract/channel.ts";
import { eventually } from "../../fakes/eventually.ts";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever, inThread, openSender, partOf, ROOM, said, TEAM } from "./sender-fixture.ts";

let slack: SlackApi;
let bot: Bot;
let fixture: ReturnType<typeof openSender>;

beforeEach(async () => {
  slack = await startSlackApi();
  bot = slack.install(TEAM);
  fixture = openSender(slack, bot);
});

afterEach(async () => {
  fixture.sender.stop();
  await slack.close();
});

const render = (...args: Parameters<typeof fixture.sender.render>) =>
  fixture.sender.render(...args);
const send = (part: OutboundPart) => fixture.sender.send(part, forever);

/** What the outbox does with a part: looks back after an unknown outcome, and tries again. */
const deliver = async (
  first: OutboundPart,
  { tries = 4, givingUpOn }: { readonly tries?: number; readonly givingUpOn?: string } = {},
): Promise<readonly SendOutcome[]> => {
  const outcomes: SendOutcome[] = [];
  let isUnsure = false;
  if (givingUpOn !== undefined) {
    // It hangs: given up once the platform has it, as when its time is over.
    const before = slack.callsOf(givingUpOn).length;
    const leaving = new AbortController();
    const hanging = fixture.sender.send(first, leaving.signal);
    await vi.waitFor(() => expect(slack.callsOf(givingUpOn)).toHaveLength(before + 1), PATIENCE);
    leaving.abort();
    const outcome = await hanging;
    outcomes.push(outcome);
    isUnsure = outcome.kind === "unknown";
  }
  for (let attempt = outcomes.length + 1; attempt <= tries; attempt++) {
    const part = { ...first, attempt };
    const found: Reconciliation = isUnsure
      ? await fixture.sender.reconcile(part, forever)
      : { kind: "send" };
    const outcome: SendOutcome = found.kind === "send" ? await send(part) : found;
    outcomes.push(outcome);
    if (outcome.kind === "delivered" || outcome.kind === "refused") break;
    isUnsure ||= outcome.kind === "unknown";
  }
  return outcomes;
};

const PATIENCE = { timeout: 20_000, interval: 5 };

const kinds = (outcomes: readonly SendOutcome[]) => outcomes.map(({ kind }) => kind);
const bodyOf = (markdown: string): string => render(said(markdown))[0] ?? "";

const card: Card = {
  id: "c1",
  title: "Approve?",
  fields: [],
  buttons: [{ id: "yes", label: "Yes" }],
  selects: [],
};

describe("an answer in Slack", () => {
  it("stands in its thread, calls nobody and opens no address", async () => {
    const ts = slack.say(ROOM, "question");
    const body = bodyOf("**hi** <!channel> https://a.example");
    expect(await send(partOf("1.0", inThread(ts), body))).toEqual({ kind: "delivered" });
    expect(slack.messages(ROOM, ts)).toMatchObject([
      { text: "*hi* &lt;!channel&gt; <https://a.example>", user: bot.userId },
    ]);
    const [call] = slack.callsOf("chat.postMessage");
    expect(call?.args).toMatchObject({
      parse: "none",
      unfurl_links: "false",
      unfurl_media: "false",
      metadata: { event_type: "clawgate_part", event_payload: { id: "1.0" } },
    });
    expect(call?.args).not.toHaveProperty("link_names");
  });

  it("that is somebody's own text of 60 KB comes whole and in order", async () => {
    const ts = slack.say(ROOM, "question");
    const text = "a & b *c* 重點 :smile: 👩‍👩‍👧‍👦\n".repeat(2_000).slice(0, 60_000);
    const bodies = render(said(text, { isVerbatim: true }));
    for (const [index, body] of bodies.entries()) {
      expect(await send(partOf(`2.${index}`, inThread(ts), body))).toEqual({ kind: "delivered" });
    }
    const texts = slack.messages(ROOM, ts).map((message) => message.text);
    const read = texts.join("").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
    expect(read.replaceAll("&amp;", "&")).toBe(text);
    for (const each of texts) expect(each.length).toBeLessThanOrEqual(4_000);
    // Names of emoji stay names.
    expect(slack.messages(ROOM, ts)[0]?.blocks).toMatchObject([{ type: "rich_text" }]);
  });

  it("calls nobody by somebody's own text that looks like markup", async () => {
    const ts = slack.say(ROOM, "question");
    const text = "*hi* <!channel> <!here> <@U012AB3CD> <!DOCTYPE html>";
    const [body = ""] = render(said(text, { isVerbatim: true }));
    expect(await send(partOf("2.0", inThread(ts), body))).toEqual({ kind: "delivered" });
    const [{ blocks, text: words } = { blocks: undefined, text: "" }] = slack.messages(ROOM, ts);
    expect(words).not.toMatch(/<[!@]/);
    expect(JSON.stringify(blocks)).not.toMatch(/<(?:!(?:channel|here)|@)/);
    expect(JSON.stringify(blocks)).toContain("<!DOCTYPE html>");
  });

  it("shows a card with its buttons, and changes it where it was clicked", async () => {
    const ts = slack.say(ROOM, "question");
    const [body = ""] = render(said("", { card }));
    await send(partOf("3.0", inThread(ts), body));
    const [shown] = slack.messages(ROOM, ts);
    expect(shown?.blocks.map(({ type }) => type)).toEqual(["header", "actions"]);
    const [decided = ""] = render(said("", { card: { ...card, status: "Approved" } }));
    const target = inThread(ts, { ...(shown && { cardTs: shown.ts }) });
    expect(await send(partOf("4.0", target, decided))).toEqual({ kind: "delivered" });
    expect(slack.messages(ROOM, ts)).toHaveLength(1);
    expect(shown?.blocks.map(({ type }) => type)).toEqual(["header", "section"]);
  });

  it("says a card in words where Slack does not take its blocks", async () => {
    const ts = slack.say(ROOM, "question");
    slack.fail("chat.postMessage", { kind: "error", error: "invalid_blocks" });
    const [body = ""] = render(said("", { card }));
    expect(await send(partOf("5.0", inThread(ts), body))).toEqual({ kind: "delivered" });
    expect(slack.messages(ROOM, ts)).toMatchObject([{ text: "*Approve?*", blocks: [] }]);
  });

  it("hands over a file in its thread", async () => {
    const ts = slack.say(ROOM, "question");
    const bytes = Buffer.from("1,2\n");
    const [body = ""] = render(said("", { files: [{ name: "a.csv", bytes }] }));
    expect(await send(partOf("6.0", inThread(ts), body))).toEqual({ kind: "delivered" });
    const [message] = slack.messages(ROOM, ts);
    expect(message?.files).toMatchObject([{ title: "a.csv" }]);
    expect(slack.uploads.get(String(message?.files[0]?.id))).toEqual(bytes);
  });
});

describe("when Slack fails", () => {
  it.each(["chat.postMessage"])(
    "a 5xx after the message was stored posts it once (%s)",
    async (m) => {
      for (const target of [inThread(slack.say(ROOM, "question")), dm()]) {
        slack.fail(m, { kind: "status", status: 500, commit: true });
        const outcomes = await deliver(partOf("7.0", target, bodyOf("hello")));
        expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
      }
      expect(slack.duplicates()).toEqual([]);
      expect(slack.callsOf("chat.postMessage")).toHaveLength(2);
    },
  );

  it.each([
    ["a 5xx", { kind: "status", status: 503 }, ["unknown", "delivered"]],
    ["internal_error", { kind: "error", error: "internal_error" }, ["unknown", "delivered"]],
    [
      "internal_error after storing",
      { kind: "error", error: "fatal_error", commit: true },
      ["unknown", "delivered"],
    ],
    [
      "a workspace that is being moved",
      { kind: "error", error: "team_added_to_org" },
      ["unknown", "delivered"],
    ],
    ["a connection that breaks", { kind: "drop" }, ["unknown", "delivered"]],
    [
      "a connection that breaks after storing",
      { kind: "drop", commit: true },
      ["unknown", "delivered"],
    ],
    ["a page in place of an answer", { kind: "page" }, ["unknown", "delivered"]],
    ["a proxy's refusal", { kind: "status", status: 407 }, ["retry", "delivered"]],
    ["a limit", { kind: "limited", retryAfterS: 0 }, ["retry", "delivered"]],
  ] as const)("%s ends in exactly one answer", async (_, fault, expected) => {
    const ts = slack.say(ROOM, "question");
    slack.fail("chat.postMessage", fault);
    const outcomes = await deliver(partOf("8.0", inThread(ts), bodyOf("hello")));
    expect(kinds(outcomes)).toEqual(expected);
    expect(slack.messages(ROOM, ts)).toHaveLength(1);
    expect(slack.duplicates()).toEqual([]);
  });

  it("a file whose sharing ended in a 5xx is shown once", async () => {
    const ts = slack.say(ROOM, "question");
    const [body = ""] = render(said("", { files: [{ name: "a", bytes: Buffer.from("x") }] }));
    slack.fail("files.completeUploadExternal", { kind: "status", status: 500, commit: true });
    expect(kinds(await deliver(partOf("9.0", inThread(ts), body)))).toEqual([
      "unknown",
      "delivered",
    ]);
    slack.fail("files.completeUploadExternal", { kind: "status", status: 500 });
    slack.fail("upload", { kind: "status", status: 500 });
    expect(kinds(await deliver(partOf("9.1", inThread(ts), body)))).toEqual([
      "retry",
      "unknown",
      "delivered",
    ]);
    expect(slack.messages(ROOM, ts)).toHaveLength(2);
  });

  it("a file that a proxy took in place of Slack is uploaded again", async () => {
    const ts = slack.say(ROOM, "question");
    const [body = ""] = render(said("", { files: [{ name: "a", bytes: Buffer.from("x") }] }));
    slack.fail("upload", { kind: "page" });
    const outcomes = await deliver(partOf("9.2", inThread(ts), body));
    expect(kinds(outcomes)).toEqual(["retry", "delivered"]);
  });

  it("a post that hangs delays nobody else, and is unsure once it is given up", async () => {
    fixture = openSender(slack, bot, { timeoutMs: 60_000 });
    const ts = slack.say(ROOM, "question");
    slack.fail("chat.postMessage", { kind: "hang", commit: true }, 1, ROOM);
    const leaving = new AbortController();
    const slow = partOf("10.0", inThread(ts), bodyOf("slow"));
    const hanging = fixture.sender.send(slow, leaving.signal);
    const others = Array.from({ length: 20 }, (_, index) =>
      send(partOf(`11.${index}`, inThread(ts, { channelId: `C0OTHER${index}` }), bodyOf("quick"))),
    );
    expect(await Promise.all(others)).toEqual(others.map(() => ({ kind: "delivered" })));
    await eventually(() => expect(slack.messages(ROOM, ts)).toHaveLength(1));
    leaving.abort();
    expect(await hanging).toMatchObject({ kind: "unknown" });
    const again = partOf("10.0", inThread(ts), bodyOf("slow"), 2);
    expect(await fixture.sender.reconcile(again, forever)).toEqual({ kind: "delivered" });
  });

  it("a limit in one room, or of one method, leaves the others alone", async () => {
    let time = Date.now();
    fixture = openSender(slack, bot, { now: () => new Date(time) });
    const ts = slack.say(ROOM, "question");
    slack.fail("chat.postMessage", { kind: "limited", retryAfterS: 30 }, 1, ROOM);
    const part = partOf("12.0", inThread(ts), bodyOf("limited"));
    expect(await send(part)).toMatchObject({ kind: "retry", afterMs: 30_000 });
    // Not asked again before its time.
    const second = partOf("13.0", inThread(ts), bodyOf("b"));
    expect(await send(second)).toMatchObject({ kind: "retry", afterMs: 31_000 });
    expect(slack.callsOf("chat.postMessage")).toHaveLength(1);
    const other = inThread(ts, { channelId: "C0OTHER" });
    expect(await send(partOf("14.0", other, bodyOf("c")))).toEqual({ kind: "delivered" });
    const [body = ""] = render(said("", { files: [{ name: "a", bytes: Buffer.from("x") }] }));
    expect(await send(partOf("15.0", inThread(ts), body))).toEqual({ kind: "delivered" });
    time += 30_000;
    expect(await send(part)).toEqual({ kind: "delivered" });
    // From now on one a second there.
    expect(await send(partOf("13.0", inThread(ts), bodyOf("b")))).toMatchObject({
      kind: "retry",
      afterMs: 1_000,
    });
    time += 1_000;
    expect(await send(partOf("13.0", inThread(ts), bodyOf("b")))).toEqual({ kind: "delivered" });
  });

  it.each([
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "restricted_action",
    "missing_scope",
    "something_new",
  ])("%s is for good, after one try", async (error) => {
    slack.room(ROOM, { error });
    const outcomes = await deliver(partOf("16.0", inThread(slack.say(ROOM, "q")), bodyOf("x")));
    expect(outcomes).toEqual([{ kind: "refused", reason: `chat.postMessage: ${error}` }]);
    expect(slack.callsOf("chat.postMessage")).toHaveLength(1);
  });

  it("a token that was taken away is for good, and one that has rotated is not", async () => {
    const target = inThread(slack.say(ROOM, "q"));
    slack.revoke(bot.token);
    expect(await send(partOf("17.0", target, bodyOf("x")))).toMatchObject({ kind: "refused" });
    expect(fixture.refused).toEqual(["invalid_auth"]);
    const fresh = slack.install(TEAM);
    const { tokenFor } = rotating([bot.token, fresh.token]);
    fixture.tokens.get = tokenFor;
    expect(await send(partOf("18.0", target, bodyOf("x")))).toEqual({ kind: "delivered" });
  });

  it("a history that must not be read has the answer sent again, and an operator told", async () => {
    const bare = slack.install(TEAM, { lacks: ["conversations.replies"] });
    fixture = openSender(slack, bare);
    const ts = slack.say(ROOM, "question");
    slack.fail("chat.postMessage", { kind: "status", status: 500 });
    const outcomes = await deliver(partOf("19.0", inThread(ts), bodyOf("x")));
    expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    expect(fixture.log.lines).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ alert: "slack_history_unreadable" }),
      }),
    );
  });

  it("logs neither a token nor what is said", async () => {
    const ts = slack.say(ROOM, "question");
    for (const fault of ["page", "drop", "hang"] as const) {
      fixture = openSender(slack, bot, { timeoutMs: 200 });
      slack.fail("chat.postMessage", { kind: fault });
      slack.fail("conversations.replies", { kind: "page" });
      await deliver(partOf("20.0", inThread(ts), bodyOf("very private")), { tries: 2 });
      const lines = JSON.stringify(fixture.log.lines);
      for (const secret of [bot.token, "very private", "<html"])
        expect(lines).not.toContain(secret);
    }
  });
});

describe("an answer to a command", () => {
  it("goes by its response URL, for the person who asked", async () => {
    const target = inThread("1.1", { replyTo: "T/command/1", responseUrl: slack.responseUrl() });
    expect(await send(partOf("21.0", target, bodyOf("hi")))).toEqual({ kind: "delivered" });
    expect(slack.responses).toMatchObject([
      { message: { response_type: "ephemeral", text: "hi", replace_original: false } },
    ]);
    expect(slack.callsOf("chat.postMessage")).toEqual([]);
  });

  it("goes on in the direct chat when the URL takes no more", async () => {
    const target = inThread("1.1", { replyTo: "T/command/1", responseUrl: slack.responseUrl(1) });
    await send(partOf("22.0", target, bodyOf("one")));
    expect(await send(partOf("22.1", target, bodyOf("two")))).toEqual({ kind: "delivered" });
    expect(slack.responses).toHaveLength(1);
    expect(slack.messages("D0ASKER")).toMatchObject([{ text: "two" }]);
  });

  it("never goes to a host that is not Slack's", async () => {
    const elsewhere = await startSlackApi();
    const target = inThread("1.1", { replyTo: "c", responseUrl: elsewhere.responseUrl() });
    expect(await send(partOf("23.0", target, bodyOf("secret")))).toEqual({ kind: "delivered" });
    expect(elsewhere.calls).toEqual([]);
    expect(slack.messages("D0ASKER")).toHaveLength(1);
    await elsewhere.close();
  });
});

/** What a command given there is answered by. */
const commandIn = (channelId: string, responseUrl: string) =>
  inThread("", { channelId, threadTs: "", replyTo: `${TEAM}/command/1.2.a`, responseUrl });

describe("an answer to a command whose sending ended unclearly", () => {
  const faults = [
    ["a 5xx", { kind: "status", status: 500 }],
    ["a connection that broke", { kind: "drop" }],
    ["no answer in time", { kind: "hang" }],
    ["a page in place of an answer", { kind: "page" }],
  ] as const;
  /** Of the call that fails. */
  const onceBroken = (part: OutboundPart, method: string, { kind }: { readonly kind: string }) =>
    deliver(part, kind === "hang" ? { givingUpOn: method } : {});

  it.each(faults)("is seen once in a room that we are no member of: %s", async (_, fault) => {
    for (const commit of [true, false]) {
      const url = slack.responseUrl();
      slack.fail("response_url", { ...fault, commit });
      const outcomes = await onceBroken(
        partOf("24.0", commandIn("C0FOREIGN", url), bodyOf("hi")),
        "response_url",
        fault,
      );
      expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
      expect(slack.shownBy(url)).toMatchObject([{ text: "hi", response_type: "ephemeral" }]);
      expect(slack.messages("D0ASKER")).toEqual([]);
    }
  });

  it.each(faults)("is seen once in the chat with us: %s", async (_, fault) => {
    for (const [index, commit] of [true, false].entries()) {
      const [url, chat] = [slack.responseUrl(), `D0ASKER${index}`];
      slack.fail("chat.postMessage", { ...fault, commit });
      const outcomes = await onceBroken(
        partOf(`25.${index}`, commandIn(chat, url), bodyOf("hi")),
        "chat.postMessage",
        fault,
      );
      expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
      expect(slack.messages(chat)).toMatchObject([{ text: "hi" }]);
      expect(slack.shownBy(url)).toEqual([]);
    }
  });

  it.each(faults)("is seen once in a chat of two others: %s", async (_, fault) => {
    slack.room("D0OTHERS", { error: "channel_not_found" });
    const url = slack.responseUrl();
    slack.fail("response_url", { ...fault, commit: true });
    const outcomes = await onceBroken(
      partOf("26.0", commandIn("D0OTHERS", url), bodyOf("hi")),
      "response_url",
      fault,
    );
    expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    expect(slack.shownBy(url)).toHaveLength(1);
  });

  it.each(faults)("is seen once where the URL takes no more: %s", async (_, fault) => {
    for (const channelId of ["C0FOREIGN", "G0FOREIGN"]) {
      const target = commandIn(channelId, slack.responseUrl(0));
      slack.fail("chat.postMessage", { ...fault, commit: true }, 1, "D0ASKER");
      const outcomes = await onceBroken(
        partOf(`27.${channelId}`, target, bodyOf("hi")),
        "chat.postMessage",
        fault,
      );
      expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    }
    expect(slack.messages("D0ASKER")).toHaveLength(2);
    expect(slack.duplicates()).toEqual([]);
  });

  it("never takes the place of the part before it", async () => {
    const url = slack.responseUrl();
    const target = commandIn("C0FOREIGN", url);
    await deliver(partOf("28.0", target, bodyOf("one")));
    slack.fail("response_url", { kind: "status", status: 500 });
    const outcomes = await deliver(partOf("28.1", target, bodyOf("two")));
    expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    expect(slack.shownBy(url)).toMatchObject([{ text: "one" }, { text: "two" }]);
  });

  it("is seen once where it is a file", async () => {
    const [body = ""] = render(said("", { files: [{ name: "a", bytes: Buffer.from("x") }] }));
    slack.fail("files.completeUploadExternal", { kind: "status", status: 500, commit: true });
    const target = commandIn(ROOM, slack.responseUrl());
    expect(kinds(await deliver(partOf("29.0", target, body)))).toEqual(["unknown", "delivered"]);
    expect(slack.messages(ROOM)).toHaveLength(1);
  });
});

describe("an answer to a click", () => {
  const clicked = (channelId: string, cardTs: string, responseUrl: string) =>
    inThread("1.1", { channelId, cardTs, responseUrl, replyTo: `${TEAM}/click/1` });

  it("is posted once where a 5xx came after it was stored", async () => {
    const ts = slack.say(ROOM, "question");
    const target = inThread(ts, { cardTs: ts, responseUrl: slack.responseUrl() });
    slack.fail("chat.postMessage", { kind: "status", status: 500, commit: true });
    const outcomes = await deliver(partOf("30.0", target, bodyOf("done")));
    expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    expect(slack.messages(ROOM, ts)).toHaveLength(1);
  });

  it("on a card that one person alone sees takes its place, or stands beside it", async () => {
    slack.room("C0FOREIGN", { error: "channel_not_found" });
    slack.on("chat.update", () => ({ ok: false, error: "channel_not_found" }));
    const url = slack.responseUrl();
    const target = clicked("C0FOREIGN", "1.2", url);
    const [decided = ""] = render(said("", { card: { ...card, status: "Approved" } }));
    expect(await send(partOf("31.0", target, decided))).toEqual({ kind: "delivered" });
    expect(await send(partOf("32.0", target, bodyOf("and more"), 2))).toEqual({
      kind: "delivered",
    });
    expect(slack.responses.map(({ message }) => message)).toMatchObject([
      { replace_original: true },
      { replace_original: false, text: "and more" },
    ]);
  });
});

const dm = () =>
  inThread("", { channelId: "D0ASKER", threadTs: "", replyTo: slack.say("D0ASKER", "q") });

const rotating = (tokens: readonly string[]) => {
  let at = 0;
  return { tokenFor: () => tokens[Math.min(at++, tokens.length - 1)] };
};

describe("looking for an answer that may have arrived", () => {
  it("does not begin with the first message of a thread that is a thousand long", async () => {
    const ts = slack.say(ROOM, "question");
    const target = inThread(ts, { replyTo: `${TEAM}/${ROOM}/${ts}` });
    slack.fail("chat.postMessage", { kind: "status", status: 500, commit: true });
    const outcomes = await deliver(partOf("9.0", target, bodyOf("hello")));
    expect(kinds(outcomes)).toEqual(["unknown", "delivered"]);
    const [asked] = slack.callsOf("conversations.replies");
    const [seconds] = ts.split(".");
    expect(asked?.args).toMatchObject({ ts, oldest: `${Number(seconds) - 3600}.000000` });
    expect(slack.messages(ROOM, ts)).toHaveLength(1);
  });
});
