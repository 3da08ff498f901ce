import { afterEach, beforeEach, expect, it } from "vitest";
import type { TenantIndex } from "../../../config/tenant.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import type { Answer } from "../../../core/contract/reply.ts";
import { createInbox } from "../../../core/delivery/inbox.ts";
import { conversationLane } from "../../../core/delivery/lane.ts";
import { createPipeline } from "../../../core/pipeline.ts";
import {
  createReviews,
  type ReviewQueue,
  type ReviewVerdict,
} from "../../../core/reviews/reviews.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Store } from "../../../core/store/store.ts";
import { fakeChannel } from "../../fakes/channel.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { type CoreGateway, coreGateway } from "../../fakes/core-gateway.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { contentOf, freeContent } from "../../fakes/safety.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { forgetful, tenantWith, unlimited } from "../../fakes/turn.ts";

const DAY_MS = 24 * 60 * 60_000;
const folder = temporaryFolder();
const scope = tenantScope("sales");
const operator = { kind: "operator", who: "cli" } as const;

// wei and mei are of sales, eve of legal; mei, bo and eve review.
const tenants: TenantIndex = {
  get: () => undefined,
  resolve: ({ conversationId }) => ({
    kind: "tenant",
    tenant: tenantWith([], { id: conversationId.startsWith("eve") ? "legal" : "sales" }),
  }),
};
const roles = {
  permissionsOf: ({ senderId }: { readonly senderId: string }) => ({
    roles: [],
    has: (permission: string) =>
      permission === "agent:chat" ||
      (permission === "content:review" && ["mei", "bo", "eve"].includes(senderId.toLowerCase())),
  }),
};
const TERMS = [
  { id: "T1", term: "毒品", action: "block" },
  { id: "T2", term: "casino", action: "review" },
  { id: "T3", term: "heroin", action: "mask" },
] as const;

describeStores("reviews", (world) => {
  let gateways: CoreGateway[];
  let asked: { readonly text: string; readonly isSensitive: boolean }[];
  let terms: Parameters<typeof contentOf>[0];
  let clock: number;
  let kept: { readonly question: string; readonly answer: string; readonly isSensitive: boolean }[];
  /** The next reply cannot be stored. */
  let isBroken: boolean;
  /** Happens while the agent answers. */
  let meanwhile: () => Promise<void>;
  /** By a legal hold. */
  let isHeld: boolean;
  beforeEach(() => {
    gateways = [];
    asked = [];
    terms = { terms: TERMS };
    clock = Date.now();
    kept = [];
    isBroken = false;
    meanwhile = async () => {};
    isHeld = false;
  });
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
  });
  const now = () => new Date(clock);

  /** What the agent says to a question: a held answer where it begins with `gamble`. */
  const answerTo = (text: string): Answer =>
    text.startsWith("gamble")
      ? {
          ...{ kind: "text", markdown: "the casino of wei@example.com, heroin" },
          files: [{ name: "odds.csv", bytes: Buffer.from([1, 2, 255]) }],
        }
      : { kind: "text", markdown: `re ${text.replace("casino", "game")}` };

  const start = async (store: Store = world.store): Promise<CoreGateway> => {
    const cipher = await cipherOn(store, folder.path);
    const channel = fakeChannel();
    channel.render = (reply) => [reply.kind === "text" ? JSON.stringify(reply) : reply.code];
    const gateway = await coreGateway({
      ...{ store, folder: folder.path, tenants, channels: [channel] },
      pipeline: ({ auditLog, log, turns, wake }) =>
        createPipeline({
          ...unlimited(),
          ...forgetful,
          holds: { isHeld: async () => isHeld },
          memory: {
            ...forgetful.memory,
            prepare: async (_scope, _message, exchange) => async () => {
              if (isBroken) {
                isBroken = false;
                throw new Error("the store is away");
              }
              kept.push(exchange);
            },
          },
          safetyOf: (id) =>
            id === "sales" ? contentOf(terms).safetyOf(id) : freeContent.safetyOf(),
          reviews: createReviews({ store, cipher, auditLog, wake, log, now }),
          ...{ log, turns, roles, now },
          agent: {
            answer: async ({ message: { content }, isSensitive = false }) => {
              await meanwhile();
              const text = content.kind === "text" ? content.text : "";
              asked.push({ text, isSensitive });
              return answerTo(text);
            },
          },
          skills: { allowedFor: () => [] },
          welcomed: { markToday: async () => true },
        }),
    });
    gateways.push(gateway);
    return gateway;
  };
  /** What somebody is told at once; a refusal is its code. */
  const send = async (gateway: CoreGateway, message: InboundMessage): Promise<Partial<Answer>> => {
    const receipt = await gateway.receive(message);
    const inline = await receipt.inlineReply(new Promise(() => {}));
    inline?.settled(true);
    const body = inline?.body ?? "";
    return body.startsWith("{") ? (JSON.parse(body) as Answer) : { markdown: body };
  };
  let count = 0;
  const say = async (gateway: CoreGateway, text: string, sender = "wei") =>
    (await send(gateway, textMessage(`m${++count}`, text, sender))).markdown;
  const sent = (gateway: CoreGateway) =>
    gateway.channel.sent.map(({ body }) =>
      body.startsWith("{") ? (JSON.parse(body) as Answer).markdown : body,
    );
  /** The reviews as another process has them, e.g. the command line. */
  const outside = async (store: Store = world.store): Promise<ReviewQueue> => {
    const cipher = await cipherOn(store, folder.path);
    const auditLog = createAuditLog(store, cipher);
    return createReviews({ store, cipher, auditLog, wake: () => {}, log: recordedLog(), now });
  };
  const person = (sender: string) =>
    ({ kind: "person", message: textMessage("r", "", sender), traceId: "trace" }) as const;
  const pending = async () => (await (await outside()).list(operator, scope, 50)).reviews;
  const onlyId = async () => (await pending())[0]?.id ?? "";
  const decide = async (verdict: ReviewVerdict, by: Parameters<ReviewQueue["decide"]>[0]) =>
    (await outside()).decide(by, scope, await onlyId(), verdict);

  it("hold a message: its sender is told, nothing of it goes on, and it is stored sealed", async () => {
    const gateway = await start();
    expect(await say(gateway, "a casino for wei@example.com")).toBe("CONTENT_HELD");
    expect(asked).toEqual([]);
    expect(kept).toEqual([]);
    expect(await pending()).toMatchObject([
      { direction: "in", held: { text: "a casino for [email]", terms: ["T2"], isSensitive: true } },
    ]);
    const stored = await world.sql("SELECT * FROM reviews");
    expect(stored).toMatchObject([{ tenant_id: "sales", direction: "in", state: "pending" }]);
    const bytes = stored.map(({ content }) =>
      Buffer.from(content as Uint8Array).toString("latin1"),
    );
    expect(bytes.join()).not.toContain("casino");
    expect(gateway.records).toContainEqual(
      expect.objectContaining({
        ...{ action: "review.hold", decision: "allowed" },
        detail: { direction: "in", terms: "T2" },
      }),
    );
    expect(JSON.stringify(gateway.records.map(({ detail }) => detail))).not.toContain("casino");
  });

  it("let a released message have its turn, once, as it was and as sensitive as it was", async () => {
    const gateway = await start();
    await say(gateway, "casino heroin for wei@example.com");
    const id = await onlyId();
    expect(await say(gateway, `/review release ${id}`, "mei")).toContain("Released");
    await eventually(() => expect(sent(gateway)).toEqual(["re game ****** for [email]"]));
    expect(asked).toEqual([{ text: "casino ****** for [email]", isSensitive: true }]);
    expect(kept).toMatchObject([{ question: "casino ****** for [email]", isSensitive: true }]);
    expect(await pending()).toEqual([]);
    expect(gateway.records).toContainEqual(
      expect.objectContaining({ action: "review.release", subject: id, decision: "allowed" }),
    );
    // What was held is in nobody's way any more.
    const [row] = await world.sql("SELECT state, content, person, said FROM reviews");
    expect({ ...row, content: Buffer.from(row?.content as Uint8Array).length }).toEqual({
      ...{ state: "released", content: 0, person: null, said: null },
    });
  });

  it("judge a released message again by all other rules", async () => {
    const gateway = await start();
    await say(gateway, "casino one");
    terms = { terms: [...TERMS, { id: "T4", term: "one", action: "block" }] };
    await say(gateway, `/review release ${await onlyId()}`, "mei");
    await eventually(() => expect(sent(gateway)).toEqual(["CONTENT_BLOCKED"]));
    terms = { terms: TERMS };
    await say(gateway, "casino at 10.0.0.1", "xia");
    // The text is not the one that was released: a rule leaves more out of it now.
    terms = {
      terms: TERMS,
      dlp: { rules: [{ name: "ip", pattern: "10\\.0\\.0\\.1", action: "redact" }] },
    };
    await say(gateway, `/review release ${await onlyId()}`, "mei");
    await eventually(() => expect(sent(gateway)).toEqual(["CONTENT_BLOCKED", "CONTENT_HELD"]));
    expect(asked).toEqual([]);
    expect(await pending()).toHaveLength(1);
  });

  it("hold an answer, show reviewers no personal data in it, and give it as it was once released", async () => {
    const gateway = await start();
    expect(await say(gateway, "gamble?")).toBe("CONTENT_HELD");
    const [review] = await pending();
    expect(review).toMatchObject({ direction: "out", held: { terms: ["T2", "T3"] } });
    expect(review?.held.text).toContain("the casino of [email]");
    expect(await decide("release", person("mei"))).toEqual({ kind: "decided", verdict: "release" });
    await gateway.stop();
    gateways = [];
    const next = await start();
    await eventually(() => expect(next.channel.sent).toHaveLength(1));
    const answer = JSON.parse(next.channel.sent[0]?.body ?? "");
    expect(answer.markdown).toBe("the casino of [email], ******");
    expect(answer.files).toMatchObject([{ name: "odds.csv", bytes: { data: [1, 2, 255] } }]);
    expect(asked).toHaveLength(1);
  });

  it("remember a released answer with its question, once, also when a process ends before it is sent", async () => {
    const first = await start();
    expect(await say(first, "gamble, says wei@example.com?")).toBe("CONTENT_HELD");
    expect(kept).toEqual([]);
    await first.stop();
    gateways = [];
    await decide("release", operator);
    isBroken = true;
    const second = await start();
    await eventually(() => expect(second.channel.sent).toHaveLength(1));
    const exchange = {
      ...{ question: "gamble, says [email]?", answer: "the casino of [email], ******" },
      isSensitive: true,
    };
    expect([isBroken, kept]).toEqual([false, [exchange]]);
    await second.stop();
    gateways = [];
    const third = await start();
    expect(await say(third, "still there?")).toBe("re still there?");
    expect([sent(third), kept.length]).toEqual([[], 2]);
  });

  it("tell the sender of a rejection, in either direction, and do nothing else", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    expect(await say(gateway, `/review reject ${await onlyId()}`, "mei")).toContain("Rejected");
    await eventually(() => expect(sent(gateway)).toEqual(["REVIEW_REJECTED"]));
    await say(gateway, "gamble?", "xia");
    await say(gateway, `/review reject ${await onlyId()}`, "mei");
    await eventually(() => expect(sent(gateway)).toEqual(["REVIEW_REJECTED", "REVIEW_REJECTED"]));
    expect(asked).toHaveLength(1);
  });

  it("answer a message once that was released when no gateway ran, however often one starts", async () => {
    const first = await start();
    await say(first, "a casino");
    await first.stop();
    gateways = [];
    await decide("release", operator);
    const second = await start();
    await eventually(() => expect(sent(second)).toEqual(["re a game"]));
    await eventually(async () =>
      expect(await world.sql("SELECT id FROM inbox WHERE state <> 'done'")).toEqual([]),
    );
    await second.stop();
    gateways = [];
    const third = await start();
    expect(await say(third, "still there?")).toBe("re still there?");
    expect([sent(third), asked.length]).toEqual([[], 2]);
  });

  it("take one decision when two reviewers decide at the same moment", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    await gateway.stop();
    gateways = [];
    const id = await onlyId();
    const [one, other] = [await outside(), await outside(await world.open())];
    const outcomes = await Promise.all([
      one.decide(person("mei"), scope, id, "release"),
      other.decide(person("bo"), scope, id, "reject"),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["decided", "refused"]);
    expect(outcomes).toContainEqual({
      kind: "refused",
      code: expect.stringMatching(/^ALREADY_RELEASED|ALREADY_REJECTED$/),
    });
    expect(await world.sql("SELECT id FROM inbox WHERE state = 'pending'")).toHaveLength(1);
    const records = await world.sql(
      "SELECT decision FROM audit WHERE action IN ('review.release', 'review.reject')",
    );
    expect(records.map(({ decision }) => decision).sort()).toEqual(["allowed", "refused"]);
  });

  it("end after seven days, once, with word to the sender, and are forgotten in the end", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const id = await onlyId();
    const reviews = await outside();
    clock += 7 * DAY_MS;
    await reviews.tidy();
    expect(await pending()).toHaveLength(1);
    clock += 1;
    await Promise.all([reviews.tidy(), (await outside(await world.open())).tidy()]);
    await gateway.stop();
    gateways = [];
    const next = await start();
    await eventually(() => expect(sent(next)).toEqual(["REVIEW_EXPIRED"]));
    expect(await reviews.decide(operator, scope, id, "release")).toEqual({
      ...{ kind: "refused", code: "ALREADY_EXPIRED" },
    });
    expect(asked).toEqual([]);
    clock += 31 * DAY_MS;
    await reviews.tidy();
    expect(await world.sql("SELECT id FROM reviews")).toEqual([]);
  });

  /** That the sender of this message has deleted it. */
  const deletionOf = (message: InboundMessage): InboundMessage => ({
    ...message,
    id: `deletion of ${message.id} by ${message.sender.id}`,
    content: {
      kind: "event",
      event: { name: "message_deleted", platformName: "gone", fields: { id: message.id } },
    },
  });
  /** What another process has to take that message back with. */
  const elsewhere = async (message: InboundMessage) => {
    const cipher = await cipherOn(world.store, folder.path);
    const log = recordedLog();
    const { channel, id: messageId, sender } = message;
    return {
      inbox: createInbox({ store: world.store, cipher, owner: "none", now, log }),
      lane: { id: conversationLane(message), tenantId: "sales" },
      said: { channel, messageId, senderId: sender.id },
    };
  };
  const states = () => world.sql("SELECT state FROM reviews ORDER BY held_at, id");
  const nothingLeft = () =>
    eventually(async () =>
      expect(await world.sql("SELECT id FROM inbox WHERE state <> 'done'")).toEqual([]),
    );

  it("end with the question that its author deletes, also after a restart, and say so to whoever decides", async () => {
    const first = await start();
    const question = textMessage("q1", "a casino", "wei");
    expect((await send(first, question)).markdown).toBe("CONTENT_HELD");
    const edit = { ...textMessage("q1/edit/7", "gamble?", "wei") };
    expect((await send(first, edit)).markdown).toBe("CONTENT_HELD");
    await say(first, "a casino of somebody else", "xia");
    const ids = (await pending()).map(({ id }) => id);
    await first.stop();
    gateways = [];

    const gateway = await start();
    await gateway.receive(deletionOf(question));
    await nothingLeft();
    const left = await pending();
    expect(left.map(({ held }) => held.message.sender.id)).toEqual(["xia"]);
    for (const id of ids.filter((each) => each !== left[0]?.id)) {
      const clicked = await click(gateway, id, "release", "mei");
      expect(clicked.card).toMatchObject({ status: expect.stringContaining("took it back") });
      expect(await say(gateway, `/review release ${id}`, "mei")).toContain("took it back");
      expect(await (await outside()).decide(operator, scope, id, "release")).toEqual({
        ...{ kind: "refused", code: "ALREADY_WITHDRAWN" },
      });
      expect(gateway.records).toContainEqual(
        expect.objectContaining({ action: "review.withdraw", subject: id, decision: "allowed" }),
      );
    }
    expect(gateway.records).toContainEqual(
      expect.objectContaining({
        code: "QUESTION_WITHDRAWN",
        detail: expect.objectContaining({ about: "q1", withdrawn: 2 }),
      }),
    );
    expect((await states()).map(({ state }) => state).sort()).toEqual([
      ...["pending", "withdrawn", "withdrawn"],
    ]);
    const contents = await world.sql("SELECT content FROM reviews WHERE state = 'withdrawn'");
    expect(contents.map(({ content }) => Buffer.from(content as Uint8Array).length)).toEqual([
      0, 0,
    ]);
    await nothingLeft();
    expect([sent(gateway), asked.map(({ text }) => text)]).toEqual([[], ["gamble?"]]);
  });

  it("are not answered when their author deletes them between the release and its turn", async () => {
    const first = await start();
    const question = textMessage("q1", "a casino", "wei");
    await send(first, question);
    await first.stop();
    gateways = [];
    await decide("release", operator);
    const { inbox, lane, said } = await elsewhere(question);
    expect(await inbox.withdraw(lane, { ...said, senderId: "mallory" })).toEqual({
      ...{ ids: [], isAhead: false },
    });
    expect((await inbox.withdraw(lane, said)).ids).toHaveLength(1);
    const gateway = await start();
    await nothingLeft();
    expect([sent(gateway), asked]).toEqual([[], []]);
  });

  it("are over when they are held under a question that was deleted in that moment", async () => {
    const gateway = await start();
    const question = textMessage("q1", "gamble?", "wei");
    const { inbox, lane, said } = await elsewhere(question);
    // In another process, while the model answers here.
    meanwhile = async () => {
      expect((await inbox.withdraw(lane, said)).ids).toHaveLength(1);
      const reviews = await outside();
      expect(await reviews.withdraw(deletionOf(question), "trace", scope, "q1")).toBe(0);
    };
    expect((await send(gateway, question)).markdown).toBe("CONTENT_HELD");
    expect(await states()).toEqual([{ state: "withdrawn" }]);
    expect(await pending()).toEqual([]);
  });

  it("end with all that is held of whoever says /forget, and nothing of others, unless it must be kept", async () => {
    const gateway = await start();
    await say(gateway, "a casino", "wei");
    await say(gateway, "gamble?", "wei");
    await say(gateway, "casino?", "xia");
    isHeld = true;
    expect(await say(gateway, "/forget", "wei")).toContain("legal hold");
    expect(await pending()).toHaveLength(3);
    isHeld = false;
    expect(await say(gateway, "/forget", "WEI")).toContain("nothing that you sent waits");
    expect((await pending()).map(({ held }) => held.text)).toEqual(["casino?"]);
    expect(gateway.records.filter(({ action }) => action === "review.withdraw")).toHaveLength(2);
  });

  it("attack: a deletion by another person, or of another tenant, withdraws nothing", async () => {
    const gateway = await start();
    const question = textMessage("q1", "a casino", "wei");
    await send(gateway, question);
    const { sender } = textMessage("x", "", "xia");
    const forged = [
      { ...deletionOf(question), id: "d1", sender },
      { ...deletionOf(question), id: "d2", conversation: { ...question.conversation, id: "eve" } },
    ];
    for (const deletion of forged) await gateway.receive(deletion);
    await nothingLeft();
    expect(await pending()).toHaveLength(1);
    await say(gateway, `/review release ${await onlyId()}`, "mei");
    await eventually(() => expect(sent(gateway)).toEqual(["re a game"]));
  });

  it("go to nobody whose role does not carry the permission", async () => {
    const gateway = await start();
    await say(gateway, "a casino", "mei");
    const id = await onlyId();
    expect(await say(gateway, "/review", "wei")).toBe("NOT_PERMITTED");
    expect(await say(gateway, `/review release ${id}`, "wei")).toBe("NOT_PERMITTED");
    expect(await pending()).toHaveLength(1);
  });

  it("attack: an author releases their own message, also in another spelling of their id", async () => {
    const gateway = await start();
    await say(gateway, "a casino", "mei");
    const id = await onlyId();
    expect(await say(gateway, `/review release ${id}`, "mei")).toContain("your own message");
    expect(await say(gateway, `/review release ${id}`, "MEI")).toContain("your own message");
    expect(await pending()).toHaveLength(1);
    expect(gateway.records).toContainEqual(
      expect.objectContaining({
        action: "review.release",
        decision: "refused",
        code: "OWN_MESSAGE",
      }),
    );
  });

  it("attack: a reviewer of another tenant neither sees nor decides what is held", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const id = await onlyId();
    expect(await say(gateway, "/review list", "eve")).toContain("Nothing waits");
    expect(await say(gateway, `/review show ${id}`, "eve")).toContain("no such review");
    expect(await say(gateway, `/review release ${id}`, "eve")).toContain("no such review");
    expect(await say(gateway, `/review reject ${id}`, "eve")).toContain("no such review");
    expect(await pending()).toHaveLength(1);
  });

  /** A click on the card of a review. */
  const click = (gateway: CoreGateway, id: string, buttonId: string, sender: string) => {
    const cardId = `review-${id}-zzzz`;
    return send(gateway, {
      ...textMessage(`m${++count}`, "", sender),
      content: {
        kind: "event",
        event: {
          ...{ name: "card_clicked", platformName: "click", fields: {} },
          click: { cardId, buttonId, choices: {} },
        },
      },
    });
  };
  it("show what waits longest on a card, and take the decision of a click on it", async () => {
    const gateway = await start();
    await say(gateway, "a casino ``` of bob@example.com");
    const id = await onlyId();
    clock += 3 * 3_600_000;
    const shown = await send(gateway, textMessage("show", "/review", "mei"));
    expect(shown.markdown).toBe("Waiting for a review: 1\n\n````\na casino ``` of [email]\n````");
    expect(shown.card).toMatchObject({
      ...{ id: expect.stringMatching(`^review-${id}-[a-z]{8}$`), title: "Held message" },
      fields: [{ value: id }, { value: "wei" }, { value: "3 h" }, { value: "T2" }],
      buttons: [{ id: "release" }, { id: "reject" }],
    });
    const again = await send(gateway, textMessage("again", "/review", "mei"));
    expect(again.card?.id).not.toBe(shown.card?.id); // WeCom refuses a card whose id was sent before
    const clicked = await click(gateway, id, "release", "mei");
    expect(clicked.card).toMatchObject({
      status: expect.stringContaining("Released"),
      buttons: [],
    });
    await eventually(() => expect(sent(gateway)).toHaveLength(1));
  });

  it("show in a room what there is, and never what was said", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const room = { id: "room", kind: "group" } as const;
    const id = await onlyId();
    for (const text of ["/review", "/review list", `/review show ${id}`]) {
      const message = { ...textMessage(text, text, "mei"), conversation: room };
      const reply = JSON.stringify(await send(gateway, message));
      expect(reply).toContain(id);
      expect(reply).not.toContain("casino");
    }
    const direct = await say(gateway, `/review show ${id}`, "mei");
    expect(direct).toContain("a casino");
  });

  it("explain themselves, also where nothing waits or what waits is one's own", async () => {
    const gateway = await start();
    expect(await say(gateway, "/review", "mei")).toBe("Nothing waits for a review.");
    expect(await say(gateway, "/review nonsense", "mei")).toContain("`/review release ID`");
    await say(gateway, "a casino", "mei");
    const own = await send(gateway, textMessage("own", "/review", "mei"));
    expect(own.card).toBeUndefined();
    expect(own.markdown).toContain("Waiting for a review: 1");
  });

  it("attack: a forged click, of nobody who may review or on a card that never was, decides nothing", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const id = await onlyId();
    expect(await click(gateway, id, "release", "wei")).toEqual({ markdown: "NOT_PERMITTED" });
    expect((await click(gateway, id, "release", "eve")).markdown).toContain("no such review");
    expect((await click(gateway, "bcdfghjk", "release", "mei")).markdown).toContain("no such");
    expect(await click(gateway, id, "burn", "mei")).toEqual({ markdown: "" });
    expect(await click(gateway, "../../x", "release", "mei")).toEqual({ markdown: "" });
    expect(await pending()).toHaveLength(1);
  });

  it("attack: a click that is replayed, or comes late, changes nothing and is told what was decided", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const id = await onlyId();
    await click(gateway, id, "reject", "mei");
    await eventually(() => expect(sent(gateway)).toEqual(["REVIEW_REJECTED"]));
    for (const button of ["reject", "release"]) {
      const again = await click(gateway, id, button, "bo");
      expect(again.card).toMatchObject({ status: "It was rejected already.", buttons: [] });
    }
    expect([sent(gateway), asked]).toEqual([["REVIEW_REJECTED"], []]);
  });

  it("attack: a row that was moved to another tenant, or changed, is not released", async () => {
    const gateway = await start();
    await say(gateway, "a casino");
    const id = await onlyId();
    await world.sql(`UPDATE reviews SET tenant_id = 'legal' WHERE id = '${id}'`);
    expect(await say(gateway, `/review release ${id}`, "eve")).toContain("cannot be read");
    expect(gateway.log.lines).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ alert: "review_unreadable" }) }),
    );
    expect(await world.sql("SELECT state FROM reviews")).toEqual([{ state: "pending" }]);
  });
});
