import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { registerQueue } from "../../cli/queue.ts";
import { runVerb } from "../cli/run-verb.ts";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

let world: WecomGateway;
beforeAll(async () => {
  world = await startWecomGateway();
});
afterAll(() => world.close());

const say = (user: string, text: string) =>
  world.cloud.attempt(world.callbackUrl, world.cloud.callback(world.cloud.text(user, text)));

const recordsOf = (user: string) =>
  world.gateway.audit().filter((record) => record.sender_id === user);

describe("a WeCom message, from its encrypted callback to its encrypted answer", () => {
  it("answers the verification of the callback URL with the bare challenge", async () => {
    const answer = await world.cloud.verify(world.callbackUrl, "4837291650+/=");
    expect(answer).toMatchObject({ status: 200, body: "4837291650+/=" });
  });

  it("is answered in the callback's own response when the answer is ready in time", async () => {
    const answer = await say("echo", "你好 <b>&amp;</b> ]]> 👩‍👩‍👧 007");
    expect(answer).toMatchObject({ status: 200, passive: "你好 <b>&amp;</b> ]]> 👩‍👩‍👧 007" });
    expect(world.cloud.sendCalls).toEqual([]);
  });

  it("is answered by a skill that runs in gVisor, chosen by the rules", async (context) => {
    await world.needSandbox(context);
    await say("rules", "what is 12% of 340");
    const [answer] = await world.cloud.waitForSeen("rules", 1);
    expect(answer?.text).toContain("40.8");
    expect(recordsOf("rules")).toMatchObject([
      { action: "skill.run", subject: "calculator", decision: "allowed", tenant_id: "rules" },
      { action: "message", decision: "answered" },
    ]);
  });

  it("is answered by a model that calls a skill", async (context) => {
    await world.needSandbox(context);
    world.model.script(
      { kind: "calls", calls: [{ name: "calculator", arguments: { text: "12% of 340" } }] },
      { kind: "text", text: "The bonus is 40.8." },
    );
    await say("wei", "what is the bonus?");
    const [answer] = await world.cloud.waitForSeen("wei", 1);
    expect(answer?.text).toBe("The bonus is 40.8.");
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain("40.8");
  });

  it("arrives whole and in order when it is long, without a mark added", async () => {
    // 25 parts: WeCom drops what is beyond 30 messages a minute, so more would have to wait.
    const long = Array.from({ length: 1_450 }, (_, line) => `第 ${line} 行: **bold** text`).join(
      "\n",
    );
    world.model.script({ kind: "text", text: long });
    await say("long", "tell me everything");
    const joined = () =>
      world.cloud
        .seen("long")
        .map(({ text }) => text)
        .join("");
    await vi.waitFor(() => expect(joined().length).toBe(long.length), { timeout: 20_000 });
    expect(joined()).toBe(long);
    expect(world.cloud.seen("long").length).toBeGreaterThan(15);
  });

  it("is gone from the screen, however long, when an operator takes it back", async () => {
    const [record] = recordsOf("long");
    const words = ["queue", "recall", String(record?.message_key), "--json"];
    // Until the last part is known to have arrived it is under way.
    const { out } = await vi.waitFor(
      async () => {
        const done = await runVerb(registerQueue, world.gateway.folder, words);
        expect(done).toMatchObject({ code: 0 });
        return done;
      },
      { timeout: 30_000 },
    );
    expect(JSON.parse(out)).toMatchObject({ ok: true, parts: expect.anything() });
    expect(world.cloud.seen("long")).toEqual([]);
  });

  it("is one message however often it is delivered: five deliveries, one answer", async () => {
    const inner = world.cloud.text("echo", "once please");
    const before = world.cloud.seen("echo").length;
    for (let delivery = 1; delivery <= 5; delivery++) {
      const answer = await world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
      expect(answer).toMatchObject({ status: 200, passive: "once please" });
    }
    expect(world.cloud.seen("echo")).toHaveLength(before + 1);
    expect(recordsOf("echo").filter((record) => record.action === "message")).toHaveLength(2);
  });

  it("is answered once though late copies of it come among newer messages", async () => {
    const before = world.cloud.seen("echo").length;
    const [one, two, three] = ["one", "two", "three"].map((text) => world.cloud.text("echo", text));
    for (const inner of [one, two, one, three, two, one, three]) {
      const { status } = await world.cloud.attempt(
        world.callbackUrl,
        world.cloud.callback(inner ?? ""),
      );
      expect(status).toBe(200);
    }
    const seen = world.cloud.seen("echo").slice(before);
    expect(seen.map(({ text }) => text)).toEqual(["one", "two", "three"]);
  });

  it("says so, once, when its kind is not supported yet", async () => {
    const inner = world.cloud
      .text("echo", "x")
      .replace("<![CDATA[text]]></MsgType>", "<![CDATA[hologram]]></MsgType>")
      .replace(/<Content>.*<\/Content>/, "<PicUrl>http://p.invalid</PicUrl><MediaId>m</MediaId>");
    const answer = await world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
    expect(answer.passive).toMatch(/not supported yet.*\[KIND_UNSUPPORTED\]$/);
    await world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
    expect(world.cloud.seen("echo").filter(({ text }) => /KIND_UN/.test(text))).toHaveLength(1);
  });

  it("is refused by name when the sender belongs to no tenant", async () => {
    const answer = await say("stranger", "hello");
    expect(answer.passive).toMatch(/\[TENANT_UNKNOWN\]$/);
    expect(recordsOf("stranger")).toMatchObject([
      { tenant_id: "_platform", decision: "refused", code: "TENANT_UNKNOWN" },
    ]);
  });
});

describe("a slow answer", () => {
  it("arrives by message/send, once, though a 9 s model made the cloud deliver three times", async () => {
    world.model.otherwise(async () => {
      await new Promise((resolve) => setTimeout(resolve, 9_000));
      return { kind: "text", text: "worth the wait" };
    });
    const inner = world.cloud.text("slow", "think hard");
    const deliveries = await Promise.all(
      [0, 1, 2].map(() => world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner))),
    );
    for (const { status, passive, ms } of deliveries) {
      expect(status).toBe(200);
      expect(passive).toBeUndefined();
      expect(ms).toBeLessThan(4_000);
    }
    await world.cloud.waitForSeen("slow", 1, 20_000);
    const late = await world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
    expect(late).toMatchObject({ status: 200, body: "" });
    expect(world.cloud.seen("slow")).toMatchObject([{ via: "send", text: "worth the wait" }]);
    world.model.otherwise({ kind: "text", text: "ok" });
  });

  it("survives an access token that expired, and one that was withdrawn early", async () => {
    const slowly = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return { kind: "text", text: "still here" } as const;
    };
    world.model.otherwise(slowly);
    for (const [round, errcode] of [42001, 40014].entries()) {
      world.cloud.withdrawToken(errcode as 42001 | 40014);
      await say("ann", "are you there?");
      const seen = await world.cloud.waitForSeen("ann", round + 1);
      expect(seen.at(-1)).toMatchObject({ via: "send", text: "still here" });
    }
    world.model.otherwise({ kind: "text", text: "ok" });
  });
});

describe("health", () => {
  it("is told without a key and without calling the platform", async (context) => {
    await world.needSandbox(context);
    const calls = world.cloud.tokenCalls.length;
    const live = await fetch(`${world.gateway.url}/api/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: "ok" }]);
    const ready = await fetch(`${world.gateway.url}/api/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      {
        status: "ready",
        checks: {
          store: { ok: true },
          "channels.wechat_work": { ok: true },
          sandbox: { ok: true },
        },
      },
    ]);
    expect(world.cloud.tokenCalls).toHaveLength(calls);
  });
});

describe("what the gateway printed", () => {
  it("holds no secret and nothing that anyone said", () => {
    const { app } = world.cloud;
    const words = ["once please", "think hard", "worth the wait", "what is the bonus"];
    for (const secret of [app.secret, app.token, app.encodingAesKey, ...words]) {
      expect(world.gateway.output).not.toContain(secret);
    }
  });
});
