import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createWecomAdapter } from "../../../../channels/wecom/adapter.ts";
import { fromBody } from "../../../../channels/wecom/outgoing.ts";
import type { Receipt, WebhookRequest } from "../../../../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../../../../core/contract/errors.ts";
import type { InboundMessage } from "../../../../core/contract/message.ts";
import { type ChannelHarness, describeChannel } from "../../../contract/channel.ts";
import { recordedMetrics } from "../../../fakes/channel-metrics.ts";
import { memoryState } from "../../../fakes/channel-state.ts";
import { recordedLog } from "../../../fakes/log.ts";
import { wecomBotOf } from "../../../fakes/wecom-bot.ts";
import {
  asApp,
  botRequest,
  newCloudBot,
  openBotAnswer,
} from "../../../fakes/wecom-bot-envelope.ts";
import { type Forgery, verificationQuery } from "../../../fakes/wecom-envelope.ts";

const cloudBot = newCloudBot();
const PATH = "/api/wechat/bot";
const now = () => new Date();
const seconds = () => Math.floor(Date.now() / 1000);

const requestOf = (query: string, body: string | Buffer = "", method = "POST"): WebhookRequest => ({
  ...{ method, query, headers: {}, body: Buffer.from(body) },
  hungUp: new Promise(() => {}),
});

const innerOf = (text: string, id: string, more: object = {}): string =>
  JSON.stringify({
    ...{ msgid: id, aibotid: cloudBot.id, chattype: "single", from: { userid: "Tester" } },
    ...{ msgtype: "text", text: { content: text }, ...more },
  });

const sealed = (inner: string, forgery: Forgery = {}): WebhookRequest => {
  const { query, body } = botRequest(inner, cloudBot, forgery);
  return requestOf(query, body);
};

const said = (text: string, id: string, forgery: Forgery = {}, more: object = {}) =>
  sealed(innerOf(text, id, more), forgery);

const forgeries = (): Record<string, WebhookRequest> => {
  const hello = (forgery: Forgery) => said("hello", "1", forgery);
  const genuine = hello({ timestamp: String(seconds()), nonce: "nonce" });
  const query = (values: Record<string, string>): WebhookRequest => {
    const changed = new URLSearchParams(genuine.query);
    for (const [name, value] of Object.entries(values)) changed.set(name, value);
    return { ...genuine, query: changed.toString() };
  };
  return {
    "another timestamp": query({ timestamp: String(seconds() + 1) }),
    "another nonce": query({ nonce: "other" }),
    "a signature that is too short": query({ msg_signature: "a" }),
    "a token that is not ours": hello({ token: "guessedToken" }),
    "a key that is not ours": hello({ encodingAesKey: "B".repeat(43) }),
    "another ciphertext under the old signature": { ...genuine, body: said("hello", "2").body },
    "a foreign receiveid where none belongs": hello({ receiveId: "wwother0000000001" }),
    "a blank receiveid": hello({ receiveId: " " }),
    "a NUL as receiveid": hello({ receiveId: "\0" }),
    "a ciphertext that is cut": hello({ ciphertext: (text) => text.slice(0, -4) }),
    "a ciphertext that is no base64": hello({ ciphertext: () => "****" }),
    "a replay after the window": hello({ timestamp: String(seconds() - 302) }),
    "a timestamp from the future": hello({ timestamp: String(seconds() + 3_600) }),
    "a timestamp in hexadecimal": hello({ timestamp: "0x65537a80" }),
    "inconsistent padding": hello({
      plaintext: (bytes) => {
        bytes[bytes.length - 1] = 32;
        return bytes;
      },
    }),
    "another bot inside": said("hello", "1", {}, { aibotid: "aibOTHER" }),
    "another bot's poll": said("hello", "1", {}, { aibotid: "aibOTHER", msgtype: "stream" }),
  };
};

const unreadables = (): Record<string, WebhookRequest> => {
  const hello = (forgery: Forgery) => said("hello", "1", forgery);
  const body = (change: (json: string) => string) => hello({ body: change });
  return {
    "no signature": hello({ query: { msg_signature: undefined } }),
    "two nonces": hello({ query: { nonce: ["a", "b"] } }),
    "no body": body(() => ""),
    "no JSON": body(() => "hello"),
    XML: body(() => "<xml><Encrypt>hello</Encrypt></xml>"),
    "a list around it": body((json) => `[${json}]`),
    "a string around it": body((json) => JSON.stringify(json)),
    null: body(() => "null"),
    "a number for a ciphertext": body(() => '{"encrypt":1}'),
    "a list for a ciphertext": body((json) => json.replace(/:(".*")/, ":[$1]")),
    "an object for a ciphertext": body(() => '{"encrypt":{"toString":"hello"}}'),
    "an empty ciphertext": body(() => '{"encrypt":""}'),
    "no ciphertext": body(() => "{}"),
    "a ciphertext in __proto__": body((json) => `{"__proto__":${json}}`),
    "two ciphertexts": body((json) => json.replace("{", '{"encrypt":"hello",')),
    "a ciphertext of another name": body((json) => json.replace("encrypt", "Encrypt")),
    "two roots": body((json) => json + json),
    "a byte order mark": body((json) => `\ufeff${json}`),
    "100 000 levels": body(() => "[".repeat(100_000)),
    "a byte that is not UTF-8": {
      ...hello({}),
      body: Buffer.from(String(hello({}).body).replace("{", '{"new":"\xff",'), "latin1"),
    },
    "another method": { ...hello({}), method: "PUT" },
  };
};

const createHarness = (): ChannelHarness => ({
  adapter: createWecomAdapter({
    ...{ apps: [], bots: [wecomBotOf(cloudBot)], log: recordedLog(), now },
    state: memoryState(),
  }),
  path: PATH,
  message: (text, id) => said(text, id),
  forged: forgeries,
  unreadable: unreadables,
  part: () => ({
    id: "1.0",
    target: {
      channel: "wechat_work",
      workspaceId: "wwexample000000001",
      appId: cloudBot.id,
      address: "Tester",
      replyTo: "1",
    },
    body: "hello",
    attempt: 1,
    isRepeat: false,
  }),
  textIn: (body) => {
    const outgoing = fromBody(body);
    return outgoing.kind === "text" ? outgoing.text : "";
  },
});

describeChannel("wechat_work bot", createHarness);

/** A started adapter, what it received, and a way to call it. */
const started = async (receipt?: Receipt, bot = wecomBotOf(cloudBot)) => {
  const log = recordedLog();
  const metrics = recordedMetrics();
  const { counted } = metrics;
  const received: InboundMessage[] = [];
  const state = memoryState();
  const adapter = createWecomAdapter({ apps: [], bots: [bot], log, now, state, metrics });
  await adapter.start(async (message) => {
    received.push(message);
    return receipt ?? { isNew: true, inlineReply: async () => undefined };
  });
  const call = async (request: WebhookRequest) => {
    const webhook = adapter.webhooks.get(PATH);
    if (!webhook) throw new Error("no webhook");
    return webhook(request);
  };
  const answerTo = async (request: WebhookRequest) => {
    const response = await call(request);
    response.settled?.(true);
    return response.body ? openBotAnswer(response.body, cloudBot) : undefined;
  };
  return { adapter, call, answerTo, received, log, counted };
};

const answering = (body: string) => {
  const settled: boolean[] = [];
  const receipt: Receipt = {
    isNew: true,
    inlineReply: async () => ({ body, settled: (isComplete) => settled.push(isComplete) }),
  };
  return { receipt, settled };
};

describe("a bot's callback", () => {
  it("proves that it has the key, with the decrypted text and nothing else", async () => {
    const { call } = await started();
    const get = (forgery?: Forgery) =>
      call(requestOf(verificationQuery("1234567890", asApp(cloudBot), forgery), "", "GET"));
    expect(await get()).toEqual({
      status: 200,
      contentType: "text/plain; charset=utf-8",
      body: "1234567890",
    });
    await expect(get({ receiveId: "wwother" })).rejects.toThrow(SignatureError);
    await expect(get({ token: "guessed" })).rejects.toThrow(SignatureError);
  });

  it("gets a stream that is the same for every delivery, and lets people judge it", async () => {
    const { answerTo } = await started();
    const first = await answerTo(said("hello", "1"));
    expect(first).toEqual({
      msgtype: "stream",
      stream: {
        id: expect.stringMatching(/^[\w-]{22}\.[\w-]{22}$/),
        finish: false,
        content: "",
        feedback: { id: expect.any(String) },
      },
    });
    expect(await answerTo(said("hello", "1"))).toEqual(first);
    expect(await answerTo(said("hello", "2"))).not.toEqual(first);
  });

  it("carries an answer that is there at once, whole and finished", async () => {
    const { receipt, settled } = answering("**hi**");
    const { answerTo } = await started(receipt);
    const answer = await answerTo(said("hello", "1"));
    expect(answer).toMatchObject({ stream: { finish: true, content: "\\*\\*hi\\*\\*" } });
    expect(settled).toEqual([true]);
  });

  it("welcomes who enters in the response, as text", async () => {
    const { receipt, settled } = answering("Welcome!");
    const { answerTo } = await started(receipt);
    const event = { msgtype: "event", event: { eventtype: "enter_chat" } };
    expect(await answerTo(said("", "1", {}, event))).toEqual({
      msgtype: "text",
      text: { content: "Welcome!" },
    });
    expect(settled).toEqual([true]);
  });

  it("changes the clicked card in the response", async () => {
    const { receipt } = answering('\u0001{"kind":"card","card":{"task_id":"c1"}}');
    const { answerTo } = await started(receipt);
    const click = { task_id: "c1", event_key: "yes" };
    const event = { eventtype: "template_card_event", template_card_event: click };
    expect(await answerTo(said("", "1", {}, { msgtype: "event", event }))).toEqual({
      response_type: "update_template_card",
      template_card: { task_id: "c1" },
    });
  });

  it("leaves to sending what a response cannot carry", async () => {
    const fitting: string[] = [];
    const bodies = ["words", '\u0001{"kind":"card","card":{}}', '\u0001{"kind":"file"}'];
    const { call } = await started({
      isNew: true,
      inlineReply: async (_deadline, fits) => {
        fitting.push(
          bodies
            .filter((body) => fits?.(body))
            .map((body) => body.slice(0, 15))
            .join(),
        );
        return undefined;
      },
    });
    for (const eventtype of ["enter_chat", "template_card_event"]) {
      await call(said("", eventtype, {}, { msgtype: "event", event: { eventtype } }));
    }
    await call(said("hello", "1"));
    const card = '\u0001{"kind":"card"';
    expect(fitting).toEqual([`words,${card}`, card, `words,${card}`]);
  });

  it("takes feedback and unknown events, and never answers them", async () => {
    const { receipt, settled } = answering("no");
    const { call, received } = await started(receipt);
    for (const eventtype of ["feedback_event", "brand_new"]) {
      const request = said("", eventtype, {}, { msgtype: "event", event: { eventtype } });
      expect(await call(request)).toEqual({ status: 200 });
    }
    expect(received.map(({ content }) => content.kind)).toEqual(["event", "event"]);
    expect(settled).toEqual([]);
  });

  it("acknowledges what it does not understand, and tells an operator", async () => {
    const { call, received, log, counted } = await started();
    for (const inner of ["", "hello", "[]", '{"msgtype":"text"}', '{"a":1,"a":2}']) {
      expect(await call(sealed(inner))).toEqual({ status: 200 });
    }
    expect(received).toEqual([]);
    expect(JSON.stringify(log.lines)).toContain("wecom_message_not_understood");
    expect(counted).toEqual(Array(5).fill("told unread parse not_understood"));
  });

  it("finishes the polls of streams that nobody knows", async () => {
    const { answerTo, received } = await started();
    for (const id of [
      "x",
      `${"A".repeat(22)}.${"B".repeat(22)}`,
      "../../lease/x",
      "é".repeat(999),
    ]) {
      const answer = await answerTo(said("", "1", {}, { msgtype: "stream", stream: { id } }));
      expect(answer).toMatchObject({ stream: { id, finish: true } });
    }
    expect(received).toEqual([]);
  });

  it("attack: the keys of another bot open no stream of this one", async () => {
    const other = newCloudBot();
    const state = memoryState();
    const adapter = createWecomAdapter({
      apps: [],
      bots: [wecomBotOf(cloudBot), wecomBotOf(other, { webhook_path: "/other", id: "aibOTHER" })],
      ...{ log: recordedLog(), now, state },
    });
    const secret: Receipt = {
      isNew: true,
      inlineReply: async () => ({ body: "only for Tester", settled: () => {} }),
    };
    await adapter.start(async () => secret);
    const answer = async (path: string, request: WebhookRequest, keys = cloudBot) => {
      const response = await adapter.webhooks.get(path)?.(request);
      response?.settled?.(true);
      return openBotAnswer(response?.body ?? "", keys) as {
        readonly stream: { readonly id: string; readonly content: string };
      };
    };
    const { id } = (await answer(PATH, said("hello", "1"))).stream;
    const poll = { msgtype: "stream", stream: { id } };
    const own = () => answer(PATH, sealed(JSON.stringify({ ...poll, aibotid: cloudBot.id })));
    await vi.waitFor(async () => expect((await own()).stream.content).toBe("only for Tester"), {
      timeout: 20_000,
    });
    const { query, body } = botRequest(JSON.stringify({ ...poll, aibotid: "aibOTHER" }), other);
    const stolen = await answer("/other", requestOf(query, body), other);
    expect(stolen.stream).toMatchObject({ id, finish: true });
    expect(stolen.stream.content).not.toContain("Tester");
  });

  it("accepts the previous pair during a rotation, and answers with it", async () => {
    const old = newCloudBot();
    const previous = [{ token: old.token, encoding_aes_key: old.encodingAesKey }];
    const { call } = await started(undefined, wecomBotOf(cloudBot, { previous }));
    const { query, body } = botRequest(innerOf("hello", "1"), old);
    const response = await call(requestOf(query, body));
    expect(openBotAnswer(response.body ?? "", old)).toMatchObject({ msgtype: "stream" });
  });

  it("never logs the response URL", async () => {
    const { call, log, received } = await started();
    const url = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=SECRETCODE";
    await call(said("hello", "1", {}, { response_url: url }));
    await call(said("hello", "2", {}, { response_url: url, msgtype: 1 }));
    expect(JSON.stringify(log.lines)).not.toContain("SECRETCODE");
    expect(JSON.stringify(received)).not.toContain("SECRETCODE");
  });
});

describe("hostile requests", () => {
  it("never crash the bot, and never get a forgery accepted", async () => {
    const { call, received } = await started();
    const genuine = said("hello", "1");
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc.json().map((json) => Buffer.from(json)),
      fc.string().map((text) => Buffer.from(JSON.stringify({ encrypt: text }))),
      fc.base64String().map((text) => Buffer.from(JSON.stringify({ encrypt: text }))),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
        const copy = Buffer.from(genuine.body);
        const index = at % copy.length;
        copy[index] = (copy[index] ?? 0) ^ change;
        return copy;
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        const error = await call({ ...genuine, body }).catch((cause: unknown) => cause);
        expect(error instanceof SignatureError || error instanceof PayloadError).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(received).toEqual([]);
  });

  it("end in 200 when they are genuine, whatever is inside", async () => {
    const { call } = await started();
    const names = [
      "msgtype",
      "aibotid",
      "from",
      "chattype",
      "text",
      "event",
      "stream",
      "quote",
      "msgid",
    ];
    const inner = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 3 }))
        .map((change) => innerOf("hello", "1", { ...change, aibotid: cloudBot.id })),
    );
    await fc.assert(
      fc.asyncProperty(inner, async (text) => {
        if (!text.isWellFormed()) return;
        expect((await call(sealed(text))).status).toBe(200);
      }),
      { numRuns: 500 },
    );
  });
});
