import { describe, expect, it } from "vitest";
import type { Agent } from "../../core/agent.ts";
import type { AuditRecord } from "../../core/audit-log.ts";
import { ModelError } from "../../core/contract/errors.ts";
import { createRunningTurns } from "../../core/delivery/running-turns.ts";
import { createPipeline } from "../../core/pipeline.ts";
import type { Context } from "../../core/stage.ts";
import { TurnSignal } from "../../core/turn-signal.ts";
import { recordedLog } from "../fakes/log.ts";
import { freeContent } from "../fakes/safety.ts";
import { contextOf, forgetful, tenantWith, textContext, unlimited } from "../fakes/turn.ts";

/** Nothing runs that could be stopped. */
const noTurns = () =>
  createRunningTurns({
    inbox: {
      requestStop: async () => [],
      withdraw: async () => ({ ids: [], isAhead: false }),
      stopRequests: async () => new Set(),
    },
    log: recordedLog(),
    signal: new AbortController().signal,
    lookEveryMs: 0,
  });

const setUp = (answer: Agent["answer"], permissions: readonly string[] = ["agent:chat"]) => {
  const records: AuditRecord[] = [];
  const log = recordedLog();
  let time = 0;
  const stages = createPipeline({
    ...freeContent,
    ...unlimited(),
    ...forgetful,
    log,
    roles: {
      permissionsOf: () => ({ roles: [], has: (permission) => permissions.includes(permission) }),
    },
    turns: noTurns(),
    agent: { answer },
    skills: { allowedFor: () => [] },
    welcomed: { markToday: async () => true },
    now: () => {
      time += 5;
      return new Date(time);
    },
  });
  const pipeline = (context: Context) =>
    stages({ ...context, record: (record) => void records.push(record) });
  return { pipeline, log, records };
};

const hello: Agent["answer"] = async () => ({ kind: "text", markdown: "hello" });

describe("pipeline", () => {
  it("answers, and puts who, tenant, what, decision and duration on record", async () => {
    const { pipeline, records } = setUp(hello);
    expect(await pipeline(textContext("hi"))).toEqual({ kind: "text", markdown: "hello" });
    expect(records).toMatchObject([
      {
        scope: { tenantId: "sales" },
        message: { sender: { id: "wei" } },
        action: "message",
        decision: "answered",
        code: "OK",
        durationMs: 5,
      },
    ]);
  });

  it("keeps what was said out of the record", async () => {
    const { pipeline, records } = setUp(hello);
    await pipeline(textContext("my secret"));
    const { message, ...rest } = records[0] ?? {};
    expect(JSON.stringify(rest)).not.toContain("secret");
    expect(message?.id).toBe("m1");
  });

  it.each(["answer_released", "message_released"] as const)(
    "attack: a reviewer's release (%s) goes on although its sender has taken their consent back",
    async (kind) => {
      const { pipeline } = setUp(async () => expect.unreachable());
      const context = textContext("my secret", tenantWith([], { requiresConsent: true }));
      const answer = { kind: "text", markdown: "your secret" } as const;
      const about = { reviewId: "bcdfghjk", tenantId: "sales", isSensitive: false };
      const reviewed = { kind, ...about, answer, text: "my secret" };
      const message = { ...context.message, reviewed };
      expect(
        await pipeline({ ...context, message, keep: () => expect.unreachable() }),
      ).toMatchObject({
        code: "CONSENT_NEEDED",
      });
    },
  );

  it("refuses a sender without agent:chat before any model is asked", async () => {
    const { pipeline, records } = setUp(async () => expect.unreachable(), ["log:view"]);
    expect(await pipeline(textContext("hi"))).toMatchObject({ code: "NOT_PERMITTED" });
    expect(records).toMatchObject([{ decision: "refused", code: "NOT_PERMITTED" }]);
  });

  it.each([
    ["INTERNAL", new TypeError("bug with the user's words in it")],
    ["MODEL_TIMEOUT", new ModelError("MODEL_TIMEOUT", "took too long")],
  ])("turns a fault into a clear %s and goes on", async (code, fault) => {
    const { pipeline, records, log } = setUp(() => Promise.reject(fault));
    const reply = await pipeline(textContext("hi"));
    expect(reply).toMatchObject({ kind: "refusal", code });
    expect(JSON.stringify(reply)).not.toContain("user's words");
    expect(records).toMatchObject([{ code }]);
    expect(log.lines).toMatchObject([{ level: "error" }]);
  });

  it("greets who calls without a word without asking a model, and refuses it to who may not ask", async () => {
    const ask = async () => expect.unreachable();
    const greeting = { kind: "text", markdown: expect.stringContaining("Hello") };
    expect(await setUp(ask).pipeline(textContext(""))).toMatchObject(greeting);
    const refusal = { code: "NOT_PERMITTED" };
    expect(await setUp(ask, ["log:view"]).pipeline(textContext(""))).toMatchObject(refusal);
  });

  it("does not answer a turn that was cut off because the gateway goes down", async () => {
    const { pipeline } = setUp((context) => Promise.reject(context.signal.reason));
    const signal = new TurnSignal();
    signal.abort();
    const context = { ...textContext("hi"), signal };
    await expect(pipeline(context)).rejects.toThrow();
  });

  it("says once, in the user's language, that a kind of message is not supported yet", async () => {
    const { pipeline } = setUp(hello);
    const context = {
      ...contextOf({ kind: "unsupported", type: "image" }),
      locale: "zh-Hant",
    } as const;
    expect(await pipeline(context)).toMatchObject({
      code: "KIND_UNSUPPORTED",
      markdown: expect.stringContaining("目前還不支援"),
    });
  });

  it("meets an event with silence, on record", async () => {
    const { pipeline, records } = setUp(hello, []);
    const event = { name: "link_opened", platformName: "view", fields: {} } as const;
    const reply = await pipeline(contextOf({ kind: "event", event }, tenantWith()));
    expect(reply).toEqual({ kind: "silence", reason: "EVENT_NOT_HANDLED" });
    expect(records).toMatchObject([{ subject: "event", decision: "silent" }]);
  });

  it("puts on record which answer was judged and how, and not what was written about it", async () => {
    const { pipeline, records } = setUp(hello, []);
    const fields = { id: "m1", type: "2", content: "my salary is wrong" };
    const event = { name: "feedback_given", platformName: "feedback_event", fields } as const;
    await pipeline(contextOf({ kind: "event", event }, tenantWith()));
    expect(records).toMatchObject([
      { detail: { event: "feedback_event", about: "m1", verdict: "2" } },
    ]);
    expect(JSON.stringify(records[0]?.detail)).not.toContain("salary");
  });

  it("greets whoever opens the app, on record, before any model is asked", async () => {
    const { pipeline, records } = setUp(async () => expect.unreachable());
    const event = { name: "app_opened", platformName: "enter_agent", fields: {} } as const;
    const reply = await pipeline(contextOf({ kind: "event", event }, tenantWith()));
    expect(reply).toMatchObject({ kind: "text", markdown: expect.stringContaining("Hello") });
    expect(records).toMatchObject([{ subject: "event", decision: "answered" }]);
  });
});
