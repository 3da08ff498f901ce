import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../../channels/wecom/adapter.ts";
import { render } from "../../../channels/wecom/render.ts";
import type { WecomApp } from "../../../channels/wecom/types.ts";
import type { Receipt, WebhookRequest } from "../../../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../../../core/contract/errors.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { type ChannelHarness, describeChannel } from "../../contract/channel.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { newCloudApp, startWecomCloud } from "../../fakes/wecom-cloud.ts";
import {
  type CloudApp,
  callbackRequest,
  encryptText,
  type Forgery,
  openPassiveReply,
  textMessage,
  verificationQuery,
} from "../../fakes/wecom-envelope.ts";

const cloudApp = newCloudApp();
const PATH = "/api/wechat/callback";
const now = () => new Date();
const seconds = () => Math.floor(Date.now() / 1000);

const requestOf = (query: string, body: string | Buffer = "", method = "POST"): WebhookRequest => ({
  ...{ method, query, headers: {}, body: Buffer.from(body) },
  hungUp: new Promise(() => {}),
});

const messageRequest = (
  text: string,
  id: string,
  forgery: Forgery & { corpId?: string; agentId?: string } = {},
): WebhookRequest => {
  // The same second for every delivery of one message.
  const message = { user: "Tester", text, msgId: id, createTime: 1_700_000_000, ...forgery };
  const { query, body } = callbackRequest(textMessage(cloudApp, message), cloudApp, forgery);
  return requestOf(query, body);
};

const flipLast = (text: string): string => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");

const forgeries = (): Record<string, WebhookRequest> => {
  const hello = (forgery: Parameters<typeof messageRequest>[2]) =>
    messageRequest("hello", "1", forgery);
  const fresh = String(seconds());
  const genuine = hello({ timestamp: fresh, nonce: "nonce" });
  const signature = /msg_signature=([0-9a-f]{40})/.exec(genuine.query)?.[1] ?? "";
  const query = (values: Record<string, string>): WebhookRequest => {
    const changed = new URLSearchParams(genuine.query);
    for (const [name, value] of Object.entries(values)) changed.set(name, value);
    return { ...genuine, query: changed.toString() };
  };
  return {
    "a signature with one digit changed": query({ msg_signature: flipLast(signature) }),
    "a signature that is too short": query({ msg_signature: signature.slice(1) }),
    "a signature in capitals": query({ msg_signature: signature.toUpperCase() }),
    "another timestamp": query({ timestamp: String(seconds() + 1) }),
    "another nonce": query({ nonce: "other" }),
    "a token that is not ours": hello({ token: "guessedToken" }),
    "another ciphertext under the old signature": {
      ...genuine,
      body: messageRequest("hello2", "1").body,
    },
    "a key that is not ours": hello({ encodingAesKey: "B".repeat(43) }),
    "a ciphertext that is cut": hello({ ciphertext: (text) => text.slice(0, -4) }),
    "a ciphertext that is no base64": hello({ ciphertext: () => "****" }),
    "a replay after the window": hello({ timestamp: String(seconds() - 302) }),
    "a timestamp from the future": hello({ timestamp: String(seconds() + 3_600) }),
    "a timestamp in hexadecimal": hello({ timestamp: "0x65537a80" }),
    "a timestamp with a sign": hello({ timestamp: `+${seconds()}` }),
    "a timestamp with a fraction": hello({ timestamp: `${seconds()}.0` }),
    "inconsistent padding": hello({
      plaintext: (bytes) => {
        bytes[bytes.length - 1] = 32;
        return bytes;
      },
    }),
    "another corp's receiveid": hello({ receiveId: "wwother0000000001" }),
    "an empty receiveid": hello({ receiveId: "" }),
    "a receiveid in another case": hello({ receiveId: cloudApp.corpId.toUpperCase() }),
    "another corp outside": hello({ outerCorpId: "wwother0000000001" }),
    "another app outside": hello({ outerAgentId: "1000003" }),
    "another corp inside": hello({ corpId: "wwother0000000001" }),
    "another app inside": hello({ agentId: "1000003" }),
  };
};

const unreadables = (): Record<string, WebhookRequest> => {
  const hello = (forgery: Forgery) => messageRequest("hello", "1", forgery);
  const body = (change: (xml: string) => string) => hello({ body: change });
  return {
    "no signature": hello({ query: { msg_signature: undefined } }),
    "no timestamp": hello({ query: { timestamp: undefined } }),
    "no nonce": hello({ query: { nonce: undefined } }),
    "an empty nonce": hello({ query: { nonce: "" } }),
    "two timestamps": hello({ query: { timestamp: [String(seconds()), String(seconds())] } }),
    "two signatures": hello({ query: { msg_signature: ["a", "b"] } }),
    "an undecodable parameter": { ...hello({}), query: "msg_signature=%E4%&timestamp=1&nonce=a" },
    "no body": body(() => ""),
    "no XML": body(() => "hello"),
    "a DOCTYPE": body((xml) => `<!DOCTYPE xml>${xml}`),
    "an entity declaration": body((xml) => `<!DOCTYPE xml [<!ENTITY a "b">]>${xml}`),
    "a second root": body((xml) => xml + xml),
    "junk after the root": body((xml) => `${xml}hello`),
    "two ciphertexts": body((xml) => xml.replace("</xml>", "<Encrypt>hello</Encrypt></xml>")),
    "two corps": body((xml) => xml.replace("</xml>", `<ToUserName>a</ToUserName></xml>`)),
    "two apps": body((xml) => xml.replace("</xml>", "<AgentID>1</AgentID></xml>")),
    "no ciphertext": body((xml) => xml.replace(/<Encrypt>.*<\/Encrypt>/, "")),
    "an empty ciphertext": body((xml) => xml.replace(/<Encrypt>.*<\/Encrypt>/, "<Encrypt/>")),
    "a ciphertext in an element": body((xml) =>
      xml.replace("<Encrypt>", "<Encrypt><a>").replace("</Encrypt>", "</a></Encrypt>"),
    ),
    "a byte that is not UTF-8, where nobody looks": {
      ...hello({}),
      body: Buffer.from(
        String(hello({}).body).replace("</xml>", "<New>\xff</New></xml>"),
        "latin1",
      ),
    },
    "another method": { ...hello({}), method: "PUT" },
  };
};

const createHarness = (): ChannelHarness => ({
  adapter: createWecomAdapter({
    apps: [wecomAppOf(cloudApp)],
    log: recordedLog(),
    now,
    state: memoryState(),
  }),
  path: PATH,
  message: (text, id) => messageRequest(text, id),
  forged: forgeries,
  unreadable: unreadables,
  part: () => ({
    id: "1.0",
    target: {
      channel: "wechat_work",
      workspaceId: cloudApp.corpId,
      appId: cloudApp.agentId,
      address: "Tester",
      replyTo: "1",
    },
    body: "hello",
    attempt: 1,
    isRepeat: false,
  }),
});

describeChannel("wechat_work", createHarness);

/** A started adapter, what it received, and a way to call it. */
const startedAdapter = async (
  options: { app?: Partial<WecomApp>; receipt?: Receipt; inlineMs?: number; now?: () => Date } = {},
) => {
  const log = recordedLog();
  const received: InboundMessage[] = [];
  const adapter = createWecomAdapter({
    apps: [wecomAppOf(cloudApp, options.app)],
    log,
    now: options.now ?? now,
    state: memoryState(),
    ...(options.inlineMs !== undefined && { inlineMs: options.inlineMs }),
  });
  await adapter.start(async (message) => {
    received.push(message);
    return options.receipt ?? { isNew: true, inlineReply: async () => undefined };
  });
  const call = (request: WebhookRequest) => {
    const webhook = adapter.webhooks.get(PATH);
    if (!webhook) throw new Error("no webhook");
    return webhook(request);
  };
  return { call, received, log, adapter };
};

/** A receipt whose reply is there at once, and how its response ended. */
const answering = (body: string) => {
  const settled: boolean[] = [];
  const receipt: Receipt = {
    isNew: true,
    inlineReply: async () => ({ body, settled: (isComplete) => settled.push(isComplete) }),
  };
  return { receipt, settled };
};

describe("URL verification", () => {
  const get = (forgery?: Forgery, echo = "1234567890") =>
    requestOf(verificationQuery(echo, cloudApp, forgery), "", "GET");

  it("answers with the decrypted text and nothing else", async () => {
    const { call } = await startedAdapter();
    const response = await call(get());
    expect(response).toEqual({
      status: 200,
      contentType: "text/plain; charset=utf-8",
      body: "1234567890",
    });
  });

  it("reads a plus sign, percent-encoded or not", async () => {
    const { call } = await startedAdapter();
    for (let round = 0; round < 20; round += 1) {
      const request = get();
      const bare = { ...request, query: request.query.replaceAll("%2B", "+") };
      expect((await call(request)).body).toBe("1234567890");
      expect((await call(bare)).body).toBe("1234567890");
    }
  });

  it("leaves parameters of the URL itself alone", async () => {
    const { call } = await startedAdapter();
    const request = get();
    const response = await call({ ...request, query: `tenant=a&tenant=b&${request.query}` });
    expect(response.status).toBe(200);
  });

  it("can be repeated, also within the replay window", async () => {
    const { call } = await startedAdapter();
    const request = get();
    expect(await call(request)).toEqual(await call(request));
  });

  it.each([
    ["a wrong signature", { query: { msg_signature: "0".repeat(40) } }],
    ["an old timestamp", { timestamp: String(seconds() - 302) }],
    ["another corp's receiveid", { receiveId: "wwother0000000001" }],
    ["a key that is not ours", { encodingAesKey: "B".repeat(43) }],
  ] satisfies [string, Forgery][])("refuses %s", async (_name, forgery) => {
    const { call } = await startedAdapter();
    await expect(call(get(forgery))).rejects.toThrow(SignatureError);
  });

  it.each(["msg_signature", "timestamp", "nonce", "echostr"])(
    "refuses a request without %s",
    async (name) => {
      const { call } = await startedAdapter();
      await expect(call(get({ query: { [name]: undefined } }))).rejects.toThrow(PayloadError);
      await expect(call(get({ query: { [name]: "" } }))).rejects.toThrow(PayloadError);
      await expect(call(get({ query: { [name]: ["a", "a"] } }))).rejects.toThrow(PayloadError);
    },
  );
});

describe("the clock", () => {
  const at = (offset: number) =>
    messageRequest("hello", "1", { timestamp: String(1_700_000_000 + offset) });

  it.each([-300, -1, 0, 1, 300])("lets in what is %i s off", async (offset) => {
    const { call } = await startedAdapter({ now: () => new Date(1_700_000_000_999) });
    expect((await call(at(offset))).status).toBe(200);
  });

  it.each([-301, 301, 86_400])("keeps out what is %i s off", async (offset) => {
    const { call } = await startedAdapter({ now: () => new Date(1_700_000_000_000) });
    await expect(call(at(offset))).rejects.toThrow("TIMESTAMP");
  });

  it("follows replay_window_s", async () => {
    const settings = { app: { replay_window_s: 60 }, now: () => new Date(1_700_000_000_000) };
    const { call } = await startedAdapter(settings);
    await expect(call(at(-61))).rejects.toThrow("TIMESTAMP");
  });
});

describe("key rotation", () => {
  const older: CloudApp = { ...cloudApp, ...newCloudApp({ corpId: cloudApp.corpId }) };
  const from = (app: CloudApp) => {
    const { query, body } = callbackRequest(
      textMessage(app, { user: "Tester", text: "hi", msgId: "1" }),
      app,
    );
    return requestOf(query, body);
  };
  const pairOf = (app: CloudApp) => ({ token: app.token, encoding_aes_key: app.encodingAesKey });

  it("accepts the previous pair, answers with it, and says so", async () => {
    const { receipt } = answering("the answer");
    const { call, log } = await startedAdapter({ app: { previous: [pairOf(older)] }, receipt });
    const response = await call(from(older));
    expect(openPassiveReply(response.body ?? "", older).content).toBe("the answer");
    expect(log.lines.map(({ fields }) => fields.keyPair)).toContain("previous");
    await call(from(cloudApp));
    expect(log.lines.map(({ fields }) => fields.keyPair)).toContain("current");
  });

  it("forgets a pair that is no longer listed", async () => {
    const { call } = await startedAdapter();
    await expect(call(from(older))).rejects.toThrow("SIGNATURE");
  });

  it("tells pairs with the same token apart by their key", async () => {
    const sameToken = { ...older, token: cloudApp.token };
    const { call } = await startedAdapter({ app: { previous: [pairOf(sameToken)] } });
    expect((await call(from(sameToken))).status).toBe(200);
    expect((await call(from(cloudApp))).status).toBe(200);
  });

  it("takes a pair that is listed twice for one", async () => {
    const previous = [pairOf(cloudApp), pairOf(older), pairOf(older)];
    const { call } = await startedAdapter({ app: { previous } });
    expect((await call(from(older))).status).toBe(200);
    expect((await call(from(cloudApp))).status).toBe(200);
  });

  it("refuses one pair's signature over another pair's ciphertext", async () => {
    const { call } = await startedAdapter({ app: { previous: [pairOf(older)] } });
    await expect(call(from({ ...older, token: cloudApp.token }))).rejects.toThrow("CIPHERTEXT");
  });
});

describe("the callback's answer", () => {
  it("is the encrypted passive reply when the answer is there in time", async () => {
    const { receipt, settled } = answering("40.8 ]]> 你好");
    const { call } = await startedAdapter({ receipt });
    const response = await call(messageRequest("hello", "1"));
    expect(response.contentType).toMatch(/xml/);
    expect(openPassiveReply(response.body ?? "", cloudApp)).toEqual({
      toUser: "Tester",
      fromCorp: cloudApp.corpId,
      msgType: "text",
      content: "40.8 ]]> 你好",
    });
    expect(settled).toEqual([]);
    response.settled?.(true);
    expect(settled).toEqual([true]);
  });

  it("is readable text where it has markup: at once and without the API", async () => {
    const [body = ""] = render({
      kind: "text",
      markdown: "340 × 12% = **40.8** [more](https://a.example)",
    });
    const { receipt, settled } = answering(body);
    const { call } = await startedAdapter({ receipt });
    const response = await call(messageRequest("hello", "1"));
    const { content } = openPassiveReply(response.body ?? "", cloudApp);
    expect(content).toBe("340 × 12% = 40.8 more (https://a.example)");
    response.settled?.(true);
    expect(settled).toEqual([true]);
  });

  it("is left to the API where it is a card", async () => {
    const card = {
      id: "c",
      title: "?",
      fields: [],
      buttons: [{ id: "y", label: "Yes" }],
      selects: [],
    };
    const [body = ""] = render({ kind: "text", markdown: "", card });
    const { receipt, settled } = answering(body);
    const { call } = await startedAdapter({ receipt });
    expect(await call(messageRequest("hello", "1"))).toEqual({ status: 200 });
    expect(settled).toEqual([false]);
  });

  it("tells core when the response broke", async () => {
    const { receipt, settled } = answering("40.8");
    const { call } = await startedAdapter({ receipt });
    (await call(messageRequest("hello", "1"))).settled?.(false);
    expect(settled).toEqual([false]);
  });

  it("is empty when no answer came by the deadline", async () => {
    const waiting: Receipt = {
      isNew: true,
      inlineReply: (deadline) => deadline.then(() => undefined),
    };
    const { call } = await startedAdapter({ receipt: waiting, inlineMs: 5 });
    expect(await call(messageRequest("hello", "1"))).toEqual({ status: 200 });
  });

  it("holds a response open only briefly while many are in work", async () => {
    const waiting: Receipt = {
      isNew: true,
      inlineReply: (deadline) => deadline.then(() => undefined),
    };
    // Without the crowd, this would outlast the test.
    const { call } = await startedAdapter({ receipt: waiting, inlineMs: 600_000 });
    const response = await call({ ...messageRequest("hello", "1"), isCrowded: true });
    expect(response).toEqual({ status: 200 });
  });

  it("waits no longer when the platform hangs up", async () => {
    let hangUp = (): void => {};
    const hungUp = new Promise<void>((resolve) => {
      hangUp = resolve;
    });
    const waiting: Receipt = {
      isNew: true,
      inlineReply: (deadline) => {
        hangUp();
        return deadline.then(() => undefined);
      },
    };
    const { call } = await startedAdapter({ receipt: waiting, inlineMs: 60_000 });
    const response = await call({ ...messageRequest("hello", "1"), hungUp });
    expect(response).toEqual({ status: 200 });
  });

  it("does not wait at all when storing took as long as the deadline", async () => {
    let time = Date.now();
    const waits: boolean[] = [];
    const adapter = createWecomAdapter({
      apps: [wecomAppOf(cloudApp)],
      log: recordedLog(),
      now: () => new Date(time),
      state: memoryState(),
      inlineMs: 0,
    });
    await adapter.start(async () => {
      time += 1500;
      return {
        isNew: true,
        inlineReply: (deadline) => {
          waits.push(true);
          return deadline.then(() => undefined);
        },
      };
    });
    const response = await adapter.webhooks.get(PATH)?.(messageRequest("hello", "1"));
    expect(response).toEqual({ status: 200 });
    expect(waits).toEqual([true]);
  });

  it("is empty for a stored message whose reply cannot be waited for", async () => {
    const broken: Receipt = { isNew: true, inlineReply: () => Promise.reject(new Error("gone")) };
    const { call, log } = await startedAdapter({ receipt: broken });
    expect(await call(messageRequest("hello", "1"))).toEqual({ status: 200 });
    expect(log.lines.some(({ level }) => level === "error")).toBe(true);
  });

  it("is empty for an event, without waiting", async () => {
    const receipt: Receipt = {
      isNew: true,
      inlineReply: () => Promise.reject(new Error("an event waits for nothing")),
    };
    const { call, received, log } = await startedAdapter({ receipt });
    const inner = textMessage(cloudApp, { user: "Tester", text: "", msgId: "1" })
      .replace("[text]", "[event]")
      .replace("<Content>", "<Event>view</Event><Content>");
    const { query, body } = callbackRequest(inner, cloudApp);
    expect(await call(requestOf(query, body))).toEqual({ status: 200 });
    expect(received[0]?.content.kind).toBe("event");
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("is an empty 200 and an alert for a genuine message that is not understood", async () => {
    const { call, received, log } = await startedAdapter();
    for (const inner of ["hello", "<!DOCTYPE xml><xml/>", "<xml/>"]) {
      const { query, body } = callbackRequest(inner, cloudApp);
      expect(await call(requestOf(query, body))).toEqual({ status: 200 });
    }
    expect(received).toEqual([]);
    const alerts = log.lines.filter(
      ({ fields }) => fields.alert === "wecom_message_not_understood",
    );
    expect(alerts).toHaveLength(3);
  });
});

describe("the outer XML", () => {
  it.each([
    [
      "an app that is empty",
      (xml: string) => xml.replace(/<AgentID>.*<\/AgentID>/, "<AgentID></AgentID>"),
    ],
    ["no app", (xml: string) => xml.replace(/<AgentID>.*<\/AgentID>/, "")],
    ["no corp", (xml: string) => xml.replace(/<ToUserName>.*<\/ToUserName>/, "")],
    ["unknown elements", (xml: string) => xml.replace("</xml>", "<New><a>1</a></New></xml>")],
    [
      "another order",
      (xml: string) => xml.replace(/(<ToUserName>.*<\/AgentID>)(<Encrypt>.*<\/Encrypt>)/, "$2$1"),
    ],
    ["no CDATA", (xml: string) => xml.replaceAll("<![CDATA[", "").replaceAll("]]>", "")],
    [
      "white space around the ciphertext",
      (xml: string) => xml.replace(/<Encrypt><!\[CDATA\[(.*?)\]\]>/, "<Encrypt>\n  $1\n"),
    ],
    ["an XML declaration", (xml: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`],
  ])("may have %s", async (_name, body) => {
    const { call, received } = await startedAdapter();
    expect((await call(messageRequest("hello", "1", { body }))).status).toBe(200);
    expect(received).toHaveLength(1);
  });
});

describe("the order of the checks", () => {
  const reasonFor = async (request: WebhookRequest): Promise<string> => {
    const { call } = await startedAdapter();
    const error = await call(request).catch((cause: unknown) => cause);
    return error instanceof SignatureError || error instanceof PayloadError ? error.reason : "none";
  };
  const stale = { timestamp: String(seconds() - 302) };
  const foreign = { receiveId: "wwother0000000001" };
  const inside = { corpId: "wwother0000000001" };

  it.each([
    [
      "parameters before the body",
      { query: { nonce: undefined }, body: () => "" },
      "query has no nonce",
    ],
    ["the body before the signature", { token: "guess", body: () => "x" }, "body: not well formed"],
    ["the signature before the clock", { token: "guess", ...stale }, "SIGNATURE"],
    ["the clock before opening", { encodingAesKey: "B".repeat(43), ...stale }, "TIMESTAMP"],
    ["the receiveid before the message", { ...foreign, ...inside }, "RECEIVE_ID"],
    ["the message's own corp at the end", inside, "INNER_CORP"],
  ] satisfies [string, Forgery & { corpId?: string }, string][])(
    "%s",
    async (_name, forgery, reason) => {
      expect(await reasonFor(messageRequest("hello", "1", forgery))).toBe(reason);
    },
  );
});

describe("an answer that takes nine minutes", () => {
  it("arrives by message/send, after the response that could not wait for it", async () => {
    const cloud = await startWecomCloud({ app: cloudApp, tokenLifetimeS: 400 });
    try {
      let aheadMs = 0;
      const { call, received, adapter } = await startedAdapter({
        ...{ app: { api_base_url: cloud.apiBaseUrl }, inlineMs: 5 },
        now: () => new Date(Date.now() + aheadMs),
        receipt: { isNew: true, inlineReply: (deadline) => deadline.then(() => undefined) },
      });
      expect(await call(messageRequest("think hard", "1"))).toEqual({ status: 200 });
      const [message] = received;
      if (!message) throw new Error("nothing received");
      const part = { target: message.target, attempt: 1, isRepeat: false };
      const signal = new AbortController().signal;
      await adapter.send({ ...part, id: "1.0", body: "an earlier one" }, signal);
      aheadMs = 9 * 60_000;
      expect(await adapter.send({ ...part, id: "2.0", body: "at last" }, signal)).toEqual({
        kind: "delivered",
      });
      expect(cloud.seen("Tester").at(-1)).toMatchObject({ via: "send", text: "at last" });
      // The token of the beginning was over by then.
      expect(cloud.tokenCalls.length).toBe(2);
    } finally {
      await cloud.close();
    }
  });
});

describe("several apps", () => {
  const second = newCloudApp({ corpId: cloudApp.corpId, agentId: "1000003" });

  it("are told apart by their path", async () => {
    const adapter = createWecomAdapter({
      apps: [wecomAppOf(cloudApp), wecomAppOf(second, { webhook_path: "/second" })],
      log: recordedLog(),
      now,
      state: memoryState(),
    });
    const received: InboundMessage[] = [];
    await adapter.start(async (message) => {
      received.push(message);
      return { isNew: true, inlineReply: async () => undefined };
    });
    const inner = textMessage(second, { user: "Tester", text: "hi", msgId: "1" });
    const { query, body } = callbackRequest(inner, second);
    await adapter.webhooks.get("/second")?.(requestOf(query, body));
    expect(received[0]?.target.appId).toBe("1000003");
    const elsewhere = adapter.webhooks.get(PATH)?.(requestOf(query, body));
    await expect(elsewhere).rejects.toThrow(SignatureError);
  });

  it("of two corps that number everything alike never mix people, answers or tokens", async () => {
    const clouds = await Promise.all(
      ["wwone000000000001", "wwtwo000000000002"].map((corpId) =>
        startWecomCloud({ app: { corpId } }),
      ),
    );
    try {
      const adapter = createWecomAdapter({
        apps: clouds.map(({ app, apiBaseUrl }) =>
          wecomAppOf(app, { webhook_path: `/${app.corpId}`, api_base_url: apiBaseUrl }),
        ),
        ...{ log: recordedLog(), now, state: memoryState() },
      });
      const received: InboundMessage[] = [];
      await adapter.start(async (message) => {
        received.push(message);
        return { isNew: true, inlineReply: async () => undefined };
      });
      for (const { app } of clouds) {
        const inner = textMessage(app, { user: "Tester", text: "hi", msgId: "1" });
        const { query, body } = callbackRequest(inner, app);
        await adapter.webhooks.get(`/${app.corpId}`)?.(requestOf(query, body));
      }
      expect(new Set(received.map(({ id }) => id)).size).toBe(2);
      for (const [place, { target, workspaceId }] of received.entries()) {
        const part = { id: `${place}.0`, target, body: workspaceId, attempt: 1, isRepeat: false };
        await adapter.send(part, new AbortController().signal);
      }
      for (const { app, seen, sendCalls } of clouds) {
        expect(seen("Tester").map(({ text }) => text)).toEqual([app.corpId]);
        expect(sendCalls).toHaveLength(1);
      }
    } finally {
      await Promise.all(clouds.map((cloud) => cloud.close()));
    }
  });

  it("cannot share a path", () => {
    const apps = [wecomAppOf(cloudApp), wecomAppOf(second)];
    expect(() =>
      createWecomAdapter({ apps, log: recordedLog(), now, state: memoryState() }),
    ).toThrow(/webhook_path/);
  });
});

describe("the log", () => {
  it("holds neither secrets nor the user's words", async () => {
    const { call, log } = await startedAdapter({ receipt: answering("the answer").receipt });
    await call(messageRequest("hello secret words", "1"));
    await call(requestOf(callbackRequest("hello secret words", cloudApp).query, "")).catch(
      () => {},
    );
    const encrypted = encryptText("hello secret words", cloudApp);
    await call(requestOf("", encrypted)).catch(() => {});
    const written = JSON.stringify(log.lines);
    const { token, encodingAesKey, secret } = cloudApp;
    for (const word of [token, encodingAesKey, secret, "secret words", "the answer"]) {
      expect(written).not.toContain(word);
    }
  });
});

describe("hostile requests", () => {
  it("never crash the application's callback, and never get a forgery accepted", async () => {
    const { call, received } = await startedAdapter();
    const genuine = messageRequest("hello", "1");
    const around = (encrypt: string) => Buffer.from(`<xml><Encrypt>${encrypt}</Encrypt></xml>`);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc.string({ unit: "binary" }).map(around),
      fc.base64String().map(around),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
        const copy = Buffer.from(genuine.body);
        // From its ciphertext on: what stands around it has forgeries of its own.
        const start = copy.indexOf("<Encrypt>") + "<Encrypt><![CDATA[".length;
        const index = start + (at % (copy.indexOf("]]></Encrypt>") - start));
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
    const { call } = await startedAdapter();
    const names = ["MsgType", "Event", "Content", "MsgId", "CreateTime", "MediaId", "EventKey"];
    const value = fc.oneof(
      fc.constantFrom("text", "event", "image", "template_card_event", "change_contact", "click"),
      fc.string({ unit: "binary" }),
    );
    const element = fc
      .tuple(fc.constantFrom(...names), value)
      .map(([name, text]) => `<${name}><![CDATA[${text.replaceAll("]]>", "")}]]></${name}>`);
    const inner = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(element, { maxLength: 8 })
        .map(
          (elements) =>
            `<xml><ToUserName>${cloudApp.corpId}</ToUserName><FromUserName>wei</FromUserName>` +
            `${elements.join("")}<AgentID>${cloudApp.agentId}</AgentID></xml>`,
        ),
    );
    await fc.assert(
      fc.asyncProperty(inner, async (text) => {
        if (!text.isWellFormed()) return;
        const { query, body } = callbackRequest(text, cloudApp);
        expect((await call(requestOf(query, body))).status).toBe(200);
      }),
      { numRuns: 500 },
    );
  });
});
