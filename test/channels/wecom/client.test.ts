import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWecomClient, type WecomClient } from "../../../channels/wecom/client.ts";
import { toBody } from "../../../channels/wecom/outgoing.ts";
import { render } from "../../../channels/wecom/render.ts";
import type { OutboundPart, SendOutcome } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { startWecomCloud, type WecomCloud } from "../../fakes/wecom-cloud.ts";

let cloud: WecomCloud;
let client: WecomClient;
let log: ReturnType<typeof recordedLog>;
let state: ChannelState;
let time: number;
let metrics: ReturnType<typeof recordedMetrics>;

const clientOf = (
  settings: Parameters<typeof wecomAppOf>[1] = {},
  timeoutMs = 10_000,
  isAlone = false,
): WecomClient =>
  createWecomClient({
    app: wecomAppOf(cloud.app, { api_base_url: cloud.apiBaseUrl, ...settings }),
    fetch: globalThis.fetch,
    now: () => new Date(time),
    random: () => 0.5,
    log,
    timeoutMs,
    state,
    isAlone,
    metrics,
  });

beforeEach(async () => {
  metrics = recordedMetrics();
  cloud = await startWecomCloud();
  log = recordedLog();
  state = memoryState();
  time = 1_700_000_000_000;
  client = clientOf();
});

afterEach(() => cloud.close());

type Part = Partial<OutboundPart> & { readonly to?: string };

const send = (body: string, part: Part = {}, signal = new AbortController().signal) =>
  sendBy(client, body, part, signal);

const sendBy = (
  by: WecomClient,
  body: string,
  part: Part = {},
  signal = new AbortController().signal,
): Promise<SendOutcome> => {
  const target = {
    channel: "wechat_work",
    workspaceId: cloud.app.corpId,
    appId: cloud.app.agentId,
    address: part.to ?? "Tester",
    replyTo: "1",
  };
  return by.send({ id: "1.0", target, body, attempt: 1, isRepeat: false, ...part }, signal);
};

const textsSeen = (user = "Tester") => cloud.seen(user).map(({ text }) => text);

describe("sending", () => {
  it("shows the text to the one it is for", async () => {
    expect(await send("40.8 你好")).toEqual({ kind: "delivered" });
    expect(textsSeen()).toEqual(["40.8 你好"]);
    expect(cloud.sendCalls[0]?.body).toEqual({
      touser: "Tester",
      msgtype: "text",
      agentid: 1000002,
      text: { content: "40.8 你好" },
      enable_duplicate_check: 1,
      duplicate_check_interval: 1800,
    });
  });

  it("counts what the platform answers, and each new token", async () => {
    await send("one");
    cloud.failNext("send", { errcode: 45009 });
    await send("two");
    expect(metrics.counted).toEqual(["api 0", "token true", "api 0", "api 45009"]);
  });

  it("is seen once when tried again after the answer was lost", async () => {
    client = clientOf({}, 1_000);
    cloud.failNext("send", { hang: "shown" });
    expect((await send("hello")).kind).toBe("unknown");
    expect(await send("hello", { attempt: 2 })).toEqual({ kind: "delivered" });
    expect(textsSeen()).toEqual(["hello"]);
  });

  it("is seen at last when the request was lost", async () => {
    client = clientOf({}, 1_000);
    cloud.failNext("send", { hang: "lost" });
    expect((await send("hello")).kind).toBe("unknown");
    expect(await send("hello", { attempt: 2 })).toEqual({ kind: "delivered" });
    expect(textsSeen()).toEqual(["hello"]);
  });

  it("is seen twice when the same text is meant to be said twice", async () => {
    await send("yes");
    expect(await send("yes", { id: "2.0", isRepeat: true })).toEqual({ kind: "delivered" });
    expect(textsSeen()).toEqual(["yes", "yes"]);
  });

  it.each(["@all", "a|b", "", "tester\n"])("never addresses %j", async (to) => {
    expect((await send("hello", { to })).kind).toBe("refused");
    expect(cloud.sendCalls).toEqual([]);
  });
});

describe("taking back", () => {
  const recall = (partId: string) => client.recall(partId, new AbortController().signal);

  it("takes what was sent off the screen, and nothing else", async () => {
    await send("wrong", { id: "1.0" });
    await send("right", { id: "2.0" });
    expect(await recall("1.0")).toEqual({ kind: "recalled" });
    expect(textsSeen()).toEqual(["right"]);
    expect(await recall("1.0")).toMatchObject({ kind: "impossible" });
  });

  it("uses the ids that another process was told, and a new token where one was withdrawn", async () => {
    await sendBy(clientOf(), "wrong");
    cloud.withdrawToken();
    expect(await recall("1.0")).toEqual({ kind: "recalled" });
    expect(textsSeen()).toEqual([]);
  });

  it("cannot take back what was never sent, or what WeCom does not let go", async () => {
    expect(await recall("9.0")).toMatchObject({ kind: "impossible" });
    await send("stands");
    cloud.failNext("recall", { errcode: 40058 });
    expect(await recall("1.0")).toMatchObject({
      ...{ kind: "impossible", reason: expect.stringContaining("errcode 40058") },
    });
    expect(textsSeen()).toEqual(["stands"]);
  });

  it.each([{ errcode: -1 }, { http: 502 }, { cut: "lost" as const }])(
    "can be tried again when it failed: %j",
    async (fault) => {
      await send("wrong");
      cloud.failNext("recall", fault);
      expect(await recall("1.0")).toMatchObject({ kind: "failed" });
      expect(await recall("1.0")).toEqual({ kind: "recalled" });
    },
  );

  it("keeps no message from arriving when its id cannot be kept", async () => {
    state.put = () => Promise.reject(new Error("store away"));
    expect(await send("hello")).toEqual({ kind: "delivered" });
    expect(await recall("1.0")).toMatchObject({ kind: "impossible" });
  });
});

describe("the access token", () => {
  it("is fetched once for any number of messages at the same time", async () => {
    await Promise.all(["a", "b", "c", "d"].map((text) => send(text)));
    await send("e");
    expect(cloud.tokenCalls).toHaveLength(1);
  });

  it("is fetched once for all processes on one store", async () => {
    const others = [clientOf(), clientOf(), clientOf()];
    await Promise.all(
      others.map((other, index) => {
        client = other;
        return send(`message ${index}`);
      }),
    );
    expect(cloud.tokenCalls).toHaveLength(1);
    expect(textsSeen()).toHaveLength(3);
  });

  it("is taken over from the process that replaced a withdrawn one", async () => {
    const other = clientOf();
    await send("a");
    await sendBy(other, "b");
    cloud.withdrawToken();
    await send("c");
    expect(await sendBy(other, "d")).toEqual({ kind: "delivered" });
    expect(cloud.tokenCalls).toHaveLength(2);
  });

  it("is not taken over after the secret was changed", async () => {
    await send("a");
    client = clientOf({ secret: "another secret" });
    expect((await send("b")).kind).toBe("retry");
    expect(cloud.tokenCalls).toHaveLength(2);
  });

  it("is not waited for longer than a call may take when the process that fetches it has died", async () => {
    const keys = new Set<string>();
    const { putIfAbsent } = state;
    state = {
      ...state,
      putIfAbsent: async (key, value, ttlMs) => {
        keys.add(key);
        return key.startsWith("token-lock/") ? false : putIfAbsent(key, value, ttlMs);
      },
    };
    client = clientOf({}, 1_000);
    expect(await send("a")).toEqual({ kind: "delivered" });
    expect([...keys].some((key) => key.startsWith("token-lock/"))).toBe(true);
  });

  it("is fetched without sharing it while the store is away", async () => {
    const away = () => Promise.reject(new Error("store away"));
    state = { ...state, get: away, put: away, putIfAbsent: away, forget: away };
    client = clientOf({}, 10_000, true);
    expect(await send("a")).toEqual({ kind: "delivered" });
    expect(cloud.tokenCalls).toHaveLength(1);
    const kept = JSON.stringify(log.lines);
    expect(kept).toContain("not shared");
  });

  it("is fetched again five to six minutes before it expires", async () => {
    await send("a");
    time += (7200 - 330) * 1000 - 1;
    await send("b");
    expect(cloud.tokenCalls).toHaveLength(1);
    time += 1;
    await send("c");
    expect(cloud.tokenCalls).toHaveLength(2);
  });

  it.each([42001, 40014, 40001] as const)(
    "is replaced once when errcode %i withdraws it",
    async (code) => {
      await send("a");
      cloud.withdrawToken(code);
      expect(await send("b")).toEqual({ kind: "delivered" });
      expect(cloud.tokenCalls).toHaveLength(2);
      expect(cloud.sendCalls).toHaveLength(3);
      expect(textsSeen()).toEqual(["a", "b"]);
    },
  );

  it("is replaced once for all who find it withdrawn at the same time", async () => {
    await send("a");
    cloud.withdrawToken();
    await Promise.all(["b", "c", "d"].map((text) => send(text)));
    expect(cloud.tokenCalls).toHaveLength(2);
    expect(textsSeen().sort()).toEqual(["a", "b", "c", "d"]);
  });

  it("is not fetched in a loop when the new one is refused, too", async () => {
    cloud.failNext("send", { errcode: 40014 }, { errcode: 40014 });
    const outcome = await send("a");
    expect(outcome.kind).toBe("retry");
    expect(cloud.sendCalls).toHaveLength(2);
    expect(cloud.tokenCalls).toHaveLength(2);
    expect(log.lines.at(-1)?.fields.alert).toBe("wecom_token_refused");
  });

  it("is not asked for again for minutes when the secret is wrong", async () => {
    client = clientOf({ secret: "not it" });
    const outcome = await send("a");
    expect(outcome).toMatchObject({ kind: "retry", afterMs: 300_000 });
    time += 299_999;
    expect(await send("a")).toMatchObject({ kind: "retry", afterMs: 1 });
    expect(cloud.tokenCalls).toHaveLength(1);
    const alerts = log.lines.filter(({ fields }) => fields.alert === "wecom_credentials_refused");
    expect(alerts).toHaveLength(1);
    time += 1;
    await send("a");
    expect(cloud.tokenCalls).toHaveLength(2);
    expect(cloud.sendCalls).toEqual([]);
  });

  it("is not asked for again for a minute when there were too many calls", async () => {
    cloud.failNext("gettoken", { errcode: 45009 });
    expect(await send("a")).toMatchObject({ kind: "retry", afterMs: 60_000 });
    await send("a");
    expect(cloud.tokenCalls).toHaveLength(1);
    time += 60_000;
    expect(await send("a")).toEqual({ kind: "delivered" });
  });

  it("may take a moment to be had: the message is kept", async () => {
    cloud.failNext("gettoken", { errcode: -1 }, { http: 502 }, { cut: "lost" }, { answer: {} });
    for (let round = 0; round < 4; round += 1) {
      expect(await send("a")).toMatchObject({ kind: "retry", afterMs: 5_000 });
      time += 5_000;
    }
    expect(await send("a")).toEqual({ kind: "delivered" });
  });

  it("is not waited for by one who has to stop", async () => {
    cloud.failNext("gettoken", { hang: "lost" });
    const stopping = new AbortController();
    const outcome = send("a", {}, stopping.signal);
    stopping.abort();
    expect((await outcome).kind).toBe("retry");
  });
});

describe("the outcome", () => {
  const afterFault = async (fault: Parameters<WecomCloud["failNext"]>[1], attempt = 1) => {
    cloud.failNext("send", fault);
    return send("hello", { attempt });
  };

  it.each([
    [-1, 1_000],
    [6000, 1_000],
    [45033, 1_000],
    [45009, 60_000],
  ])("of errcode %i is to try again after %i ms", async (errcode, afterMs) => {
    expect(await afterFault({ errcode })).toMatchObject({ kind: "retry", afterMs });
  });

  it("of a busy platform is to try again later and later", async () => {
    const waits: number[] = [];
    for (const attempt of [1, 2, 3, 4, 50]) {
      const outcome = await afterFault({ errcode: -1 }, attempt);
      if (outcome.kind === "retry") waits.push(outcome.afterMs);
    }
    expect(waits).toEqual([1_000, 5_000, 15_000, 60_000, 60_000]);
  });

  it.each([40003, 40031, 40032, 60011, 60111, 81013])(
    "of errcode %i is that this person gets nothing, and nobody is alarmed",
    async (errcode) => {
      expect((await afterFault({ errcode })).kind).toBe("refused");
      expect(log.lines).toEqual([]);
    },
  );

  it.each([
    [40013, "wecom_configuration"],
    [40056, "wecom_configuration"],
    [48002, "wecom_configuration"],
    [60020, "wecom_configuration"],
    [301002, "wecom_configuration"],
    [40035, "wecom_request_refused"],
    [44004, "wecom_request_refused"],
    [45002, "wecom_request_refused"],
    [99999, "wecom_request_refused"],
  ])("of errcode %i is refused, and somebody is alarmed: %s", async (errcode, alert) => {
    expect((await afterFault({ errcode })).kind).toBe("refused");
    expect(log.lines.map(({ fields }) => fields.alert)).toEqual([alert]);
  });

  it("of errcode 0 is refused when the receiver is among those who got nothing", async () => {
    expect((await afterFault({ answer: { invaliduser: "tester" } })).kind).toBe("refused");
    expect((await afterFault({ answer: { unlicenseduser: "tester" } })).kind).toBe("refused");
    expect((await afterFault({ answer: { invaliduser: "" } })).kind).toBe("delivered");
  });

  it("of a limit is that nothing else is sent meanwhile", async () => {
    await afterFault({ errcode: 45009 });
    time += 59_999;
    expect(await send("b")).toMatchObject({ kind: "retry", afterMs: 1 });
    expect(cloud.sendCalls).toHaveLength(1);
    time += 1;
    expect(await send("b")).toEqual({ kind: "delivered" });
  });

  it("of a limit on uploads holds back files, not words", async () => {
    cloud.failNext("upload", { errcode: 45009 });
    const file = { kind: "file", type: "file", name: "a.txt", data: "aGVsbG8gd29ybGQ=" } as const;
    expect(await send(toBody(file))).toMatchObject({ kind: "retry", afterMs: 60_000 });
    time += 1_000;
    expect(await send(toBody(file))).toMatchObject({ kind: "retry", afterMs: 59_000 });
    expect(await send("words")).toEqual({ kind: "delivered" });
    expect(cloud.uploads).toEqual([]);
  });

  it.each([
    ["a broken connection", { cut: "lost" }],
    ["a 5xx from a proxy", { http: 502 }],
    ["a 408", { http: 408 }],
    ["a page that is no JSON", { http: 200, body: "<html>" }],
    ["JSON without an errcode", { http: 200, body: "{}" }],
    ["JSON that is no object", { http: 200, body: "[0]" }],
  ] as const)("of %s is unknown", async (_name, fault) => {
    expect((await afterFault(fault)).kind).toBe("unknown");
  });

  it.each([404, 403, 302])("of HTTP %i is to try again, with an alarm", async (http) => {
    expect((await afterFault({ http })).kind).toBe("retry");
    expect(log.lines.map(({ fields }) => fields.alert)).toEqual(["wecom_api_not_found"]);
  });

  it("of an errcode counts whatever the HTTP status", async () => {
    const body = JSON.stringify({ errcode: 81013 });
    expect((await afterFault({ http: 500, body })).kind).toBe("refused");
  });

  it("of a closed port is to try again", async () => {
    await send("a");
    await cloud.close();
    const outcome = await send("b");
    expect(["retry", "unknown"]).toContain(outcome.kind);
    state = memoryState(); // without the token that was fetched
    const fresh = clientOf();
    const part = { id: "1.0", body: "c", attempt: 1, isRepeat: false };
    const target = {
      channel: "wechat_work",
      workspaceId: "",
      appId: "",
      address: "a",
      replyTo: "",
    };
    const first = await fresh.send({ ...part, target }, new AbortController().signal);
    expect(first).toMatchObject({ kind: "retry", reason: "gettoken: ECONNREFUSED" });
    cloud = await startWecomCloud();
  });

  it("of a stop in the middle is unknown", async () => {
    await send("a");
    cloud.failNext("send", { hang: "shown" });
    const stopping = new AbortController();
    const outcome = send("b", {}, stopping.signal);
    await cloud.waitForSeen("Tester", 2);
    stopping.abort();
    expect((await outcome).kind).toBe("unknown");
  });

  it("of an answer without end is unknown", async () => {
    const body = " ".repeat(300 * 1024);
    expect((await afterFault({ http: 200, body })).kind).toBe("unknown");
  });
});

describe("pacing", () => {
  it("sends one person 30 messages a minute, the next one when there is room", async () => {
    for (let count = 0; count < 30; count += 1) {
      expect(await send(`message ${count}`)).toEqual({ kind: "delivered" });
      time += 1_000;
    }
    expect(await send("one more")).toMatchObject({ kind: "retry", afterMs: 32_000 });
    expect(await send("hello", { to: "Other" })).toEqual({ kind: "delivered" });
    time += 32_000;
    expect((await send("one more")).kind).toBe("delivered");
  });

  it("brings 60 KB whole and in order, though that is more than a minute may bring", async () => {
    await cloud.close();
    // What would be one too many is for our own clock to know.
    cloud = await startWecomCloud({ perMinute: 1_000 });
    client = clientOf();
    const text = Array.from({ length: 5_700 }, (_, line) => `第${line}行\n`).join("");
    expect(Buffer.byteLength(text)).toBeGreaterThan(60_000);
    const sentAt: number[] = [];
    const parts = render({ kind: "text", markdown: text, isVerbatim: true });
    for (const [place, body] of parts.entries()) {
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await send(body, { id: `1.${place}`, attempt });
        if (outcome.kind !== "retry") break;
        time += outcome.afterMs;
      }
      sentAt.push(time);
    }
    expect(textsSeen().join("")).toBe(text);
    for (const [place, at] of sentAt.entries()) {
      expect(at - (sentAt[place - 30] ?? 0)).toBeGreaterThan(60_000);
    }
  });

  it("counts what other processes on the same store send", async () => {
    const other = clientOf();
    for (let count = 0; count < 15; count += 1) {
      await send(`a ${count}`);
      await sendBy(other, `b ${count}`);
    }
    expect((await send("one more")).kind).toBe("retry");
    expect((await sendBy(other, "one more")).kind).toBe("retry");
    expect(textsSeen()).toHaveLength(30);
  });

  it("never lets one too many through, however processes collide", async () => {
    const clients = [clientOf(), clientOf(), clientOf(), clientOf()];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const by = clients[index % clients.length] ?? client;
        return sendBy(by, `message ${index}`);
      }),
    );
    const delivered = outcomes.filter(({ kind }) => kind === "delivered").length;
    expect(delivered).toBeGreaterThan(0);
    expect(delivered).toBeLessThanOrEqual(30);
    expect(outcomes.every(({ kind }) => kind === "delivered" || kind === "retry")).toBe(true);
  });

  it("sends nothing while the place where it is counted is away", async () => {
    const { get } = state;
    state = {
      ...state,
      get: (key) => (key.includes("/pace/") ? Promise.reject(new Error("away")) : get(key)),
    };
    client = clientOf();
    expect(await send("a")).toMatchObject({ kind: "retry", afterMs: 5_000 });
    expect(cloud.sendCalls).toEqual([]);
  });

  it("knows a person whatever the case of the id", async () => {
    for (let count = 0; count < 30; count += 1) await send(`message ${count}`);
    expect((await send("one more", { to: "TESTER" })).kind).toBe("retry");
  });

  it("sends one person 1000 messages an hour", async () => {
    const { createPace } = await import("../../../channels/wecom/pace.ts");
    const pace = createPace(() => new Date(time));
    const startedAt = time;
    for (let count = 0; count < 1000; count += 1) {
      expect(await pace.reserve("tester")).toBe(0);
      time += 3_000;
    }
    expect(await pace.reserve("tester")).toBe(startedAt + 3_602_000 - time);
  });

  it.each(["alone", "shared"])(
    "keeps back what only a share of may be used up, %s",
    async (kind) => {
      const { createPace, createSharedPace } = await import("../../../channels/wecom/pace.ts");
      const now = () => new Date(time);
      const whose = { corpId: "ww1", agent: "aib1" };
      const pace = kind === "alone" ? createPace(now) : createSharedPace(state, whose, now);
      for (let count = 0; count < 15; count += 1) expect(await pace.reserve("a", 0.5)).toBe(0);
      expect(await pace.reserve("a", 0.5)).toBe(62_000);
      for (let count = 0; count < 15; count += 1) expect(await pace.reserve("a")).toBe(0);
      expect(await pace.reserve("a")).toBe(62_000);
      time += 62_000;
      expect(await pace.reserve("a", 0.5)).toBe(0);
    },
  );
});

describe("the log", () => {
  it("holds no secret, token, URL or text", async () => {
    cloud.failNext("send", { errcode: 40035 }, { errcode: 45009 });
    await send("private words");
    await send("private words");
    client = clientOf({ secret: "a wrong secret" });
    await send("private words");
    expect(log.lines.length).toBeGreaterThan(2);
    const written = JSON.stringify(log.lines);
    const token = cloud.sendCalls[0]?.token ?? "no token";
    for (const word of [token, cloud.app.secret, "a wrong secret", "private words", "http://"]) {
      expect(written).not.toContain(word);
    }
    expect(written).toContain("hint 1700000000_2_def");
  });
});
