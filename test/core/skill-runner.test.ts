import { describe, expect, it } from "vitest";
import type { Tenant } from "../../config/tenant.ts";
import { createMetrics } from "../../core/metrics/metrics.ts";
import { createSkillRunner, type RunnableSkill } from "../../core/skill-runner.ts";
import type { Context } from "../../core/stage.ts";
import { TurnSignal } from "../../core/turn-signal.ts";
import type { Limits, RunResult } from "../../sandbox/driver.ts";
import { createValidator } from "../../skills/shape.ts";
import { counted } from "../fakes/counted.ts";
import { freeContent } from "../fakes/safety.ts";
import { fakeSandbox, recordedAudit, tenantWith, textContext } from "../fakes/turn.ts";

const LIMITS: Limits = {
  wallMs: 1,
  cpuMs: 1,
  memoryBytes: 1,
  pids: 1,
  files: 1,
  egressBytesPerSecond: 1,
  diskBytes: 1,
  outputBytes: 1,
};

const skill = (name: string): RunnableSkill => ({
  name,
  description: `does ${name}`,
  instructions: `How to ${name}.`,
  folder: `/skills/${name}`,
  files: new Map(),
  digest: "d1",
  entry: { path: "scripts/run.py", language: "python" },
  risk: "low",
  egress: [],
  secrets: [],
  limits: {},
  inputProblem: createValidator(undefined),
  outputProblem: createValidator(undefined),
});

const setUp = (
  result: Parameters<typeof fakeSandbox>[0] = {},
  tenant: Parameters<typeof tenantWith>[1] = {},
) => {
  const auditLog = recordedAudit();
  const metrics = createMetrics();
  const { sandbox, runs } = fakeSandbox(result);
  const { entry: _none, ...guide } = skill("guide");
  const online = { ...skill("online"), egress: ["api.test:443", "other.test:443"] };
  const keyed = { ...skill("keyed"), secrets: ["API_KEY"] };
  const runner = createSkillRunner({
    skills: new Map(
      [skill("calculator"), skill("payroll"), guide, online, keyed].map((each) => [
        each.name,
        each,
      ]),
    ),
    sandbox,
    limitsFor: () => LIMITS,
    egressFor: (asked, regions) =>
      asked.length === 0 || !regions.has("overseas") ? "none" : [{ host: "api.test", port: 443 }],
    safetyOf: freeContent.safetyOf,
    ...{ auditLog, metrics },
    now: () => new Date(0),
  });
  const context = textContext(
    "hi",
    tenantWith(["calculator", "guide", "ghost", "online", "keyed"], tenant),
  );
  const call = (name: string, argumentsJson = '{"text":"hi"}', more: Partial<Context> = {}) =>
    runner.call({ id: "1", name, argumentsJson }, { ...context, ...more });
  return { runner, call, context, runs, metrics, records: auditLog.records };
};

const codeOf = (outcome: Awaited<ReturnType<ReturnType<typeof setUp>["call"]>>) =>
  outcome.kind === "refused" ? outcome.refusal.code : outcome.json;

describe("skill runner", () => {
  it("shows a tenant the skills it may use and no others", () => {
    const { runner, context } = setUp();
    expect(runner.allowedFor(context).map((each) => each.name)).toEqual([
      ...["calculator", "guide", "online", "keyed"],
    ]);
  });

  it("runs an allowed skill read-only at /app, with the user's locale and nothing else of ours", async () => {
    const { call, runs } = setUp();
    expect(codeOf(await call("calculator"))).toBe('{"text":"done"}');
    expect(runs[0]).toMatchObject({
      tenantId: "sales",
      program: { kind: "file", path: "/app/scripts/run.py" },
      stdin: Buffer.from('{"text":"hi"}'),
      env: { CLAWGATE_LOCALE: "en" },
      readonly: new Map(),
      trees: new Map([["/app", { digest: "d1", files: skill("calculator").files }]]),
    });
  });

  it("gives a skill that asks for no host no network, and another what the settings leave", async () => {
    const { call, runs } = setUp();
    await call("calculator");
    await call("online");
    expect(runs.map(({ egress }) => egress)).toEqual(["none", [{ host: "api.test", port: 443 }]]);
    expect(runs.map(({ credentials }) => credentials)).toEqual([[], []]);
  });

  it("hands the sandbox the secrets that a skill asks for, and no others", async () => {
    const secrets = new Map([
      ["API_KEY", { secret: "s1", host: "api.test" }],
      ["OTHER", { secret: "s2", host: "other.test" }],
    ]);
    const asked: string[] = [];
    const secretsFor = (skill: string) => {
      asked.push(skill);
      return secrets;
    };
    const { call, runs } = setUp({}, { secretsFor });
    expect(codeOf(await call("keyed"))).toBe('{"text":"done"}');
    expect(runs[0]?.credentials).toEqual([{ name: "API_KEY", secret: "s1", host: "api.test" }]);
    expect(asked).toEqual(["keyed"]);
    await call("calculator");
    expect(runs[1]?.credentials).toEqual([]);
  });

  it("does not run a skill whose secrets nobody provides, and puts their names on record", async () => {
    const { call, runs, records } = setUp();
    expect(codeOf(await call("keyed"))).toBe("SKILL_BLOCKED");
    expect(runs).toEqual([]);
    expect(records).toMatchObject([
      { decision: "refused", detail: { secretsNotProvided: "API_KEY" } },
    ]);
  });

  it("puts a run on record with the digest of the code that ran", async () => {
    const { call, records } = setUp();
    await call("calculator");
    expect(records).toMatchObject([
      { action: "skill.run", subject: "calculator", decision: "allowed", detail: { digest: "d1" } },
    ]);
  });

  it("attack: what must not leave is carried out by a skill: a run reaches only where its turn's data may go", async () => {
    const reached = async (...of: [Partial<Tenant>, Partial<Context>?]) => {
      const { call, runs } = setUp({}, of[0]);
      await call("online", undefined, of[1]);
      return runs[0]?.egress;
    };
    const open = [{ host: "api.test", port: 443 }];
    expect(await reached({})).toEqual(open);
    expect(await reached({ dataResidency: "domestic" })).toBe("none");
    // Personal data goes to the place of the model that the tenant named for it, and to no other.
    const sensitive = { provider: "own", model: "m", region: "on-prem" } as const;
    expect(await reached({ sensitive })).toEqual(open);
    expect(await reached({ sensitive }, { isSensitive: true })).toBe("none");
  });

  it("refuses a skill of another tenant that the model calls all the same", async () => {
    const { call, runs, records } = setUp();
    expect(codeOf(await call("payroll"))).toBe("SKILL_NOT_ALLOWED");
    expect(runs).toEqual([]);
    expect(records).toMatchObject([{ subject: "payroll", decision: "refused" }]);
  });

  it("answers a probe for a skill that exists elsewhere exactly like one for a skill that does not", async () => {
    const { call } = setUp();
    const [existing, invented] = [await call("payroll"), await call("nothere")];
    const text = (outcome: typeof existing) =>
      outcome.kind === "refused" && outcome.refusal.markdown.replace(/payroll|nothere/, "X");
    expect(text(existing)).toBe(text(invented));
  });

  it("refuses a name that walks out of the skills folder and puts none of its words on record", async () => {
    const { call, runs, metrics, records } = setUp();
    await call("calculator");
    runs.length = 0;
    records.length = 0;
    expect(codeOf(await call("../../etc/passwd\n[root]"))).toBe("SKILL_NOT_ALLOWED");
    expect(counted(metrics, "clawgate_skill_runs_total")).toEqual([
      ["sales", "calculator", "OK", 1],
      ["sales", "unknown", "SKILL_NOT_ALLOWED", 1],
    ]);
    expect(runs).toEqual([]);
    expect(records[0]?.subject).toBe("unknown");
    expect(JSON.stringify(records)).not.toContain("passwd");
  });

  it.each(["", "not json", "null", "[]", '{"text":1}', "{}"])(
    "does not run a skill on input that breaks its contract: %s",
    async (input) => {
      const { call, runs } = setUp();
      expect(codeOf(await call("calculator", input))).toBe("SKILL_FAILED");
      expect(runs).toEqual([]);
    },
  );

  it.each([
    ["SKILL_TIMEOUT", { verdict: "killed", reason: "wall" }],
    ["SKILL_TIMEOUT", { verdict: "killed", reason: "cpu" }],
    ["SKILL_MEMORY", { verdict: "killed", reason: "memory" }],
    ["SKILL_LIMIT", { verdict: "killed", reason: "output" }],
    ["SKILL_BLOCKED", { verdict: "blocked", reason: "policy" }],
    ["SANDBOX_UNAVAILABLE", { verdict: "blocked", reason: "unavailable" }],
    ["INTERNAL", { verdict: "killed", reason: "internal" }],
    ["SKILL_FAILED", { verdict: "error", exitCode: 3 }],
    ["SKILL_BAD_OUTPUT", { stdout: Buffer.from("Traceback") }],
    ["SKILL_BAD_OUTPUT", { stdout: Buffer.from('{"text":5}') }],
  ] as const)("says %s when a run ends so", async (code, result) => {
    const { call, records } = setUp(result as Partial<RunResult>);
    const outcome = await call("calculator");
    expect(outcome).toMatchObject({ kind: "refused", refusal: { code } });
    expect(outcome.kind === "refused" && outcome.refusal.markdown).toMatch(/.{20} \[[A-Z_]+\]$/);
    expect(records).toMatchObject([{ code }]);
  });

  const nested = (depth: number) => `{"text":"","x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const many = (count: number) => `{"text":"","x":[${Array(count).fill("{}").join()}]}`;

  it.each([
    ["nested so deep that nobody could walk it", nested(200_000)],
    ["more values than may be looked at", many(300_000)],
    ["brackets that open only", "[".repeat(100_000)],
  ])("attack: JSON that takes the gateway's time or stack: %s", async (_name, json) => {
    const asked = setUp();
    expect(codeOf(await asked.call("calculator", json))).toBe("SKILL_FAILED");
    expect(asked.runs).toEqual([]);
    expect(asked.records).toMatchObject([{ code: "SKILL_FAILED", decision: "failed" }]);
    const answered = setUp({ stdout: Buffer.from(json) });
    expect(codeOf(await answered.call("calculator"))).toBe("SKILL_BAD_OUTPUT");
    expect(answered.records).toMatchObject([{ code: "SKILL_BAD_OUTPUT", decision: "failed" }]);
  });

  it("takes brackets and commas within texts for no more than texts", async () => {
    const text = `${"[{,".repeat(20_000)}\\"]`;
    const { call, runs } = setUp({ output: { text } });
    expect(codeOf(await call("calculator", JSON.stringify({ text })))).toBe(
      JSON.stringify({ text }),
    );
    expect(runs[0]?.stdin.toString()).toBe(JSON.stringify({ text }));
  });

  it("hands on no half of a character, and takes no bytes that are not UTF-8", async () => {
    const { call, runs } = setUp({ stdout: Buffer.from('{"text":"\\ude00 done"}') });
    expect(codeOf(await call("calculator", '{"text":"hi \\ud83d"}'))).toBe(
      '{"text":"\ufffd done"}',
    );
    expect(runs[0]?.stdin.toString()).toBe('{"text":"hi \ufffd"}');
    const bytes = setUp({ stdout: Buffer.from('{"text":"caf\xe9"}', "latin1") });
    expect(codeOf(await bytes.call("calculator"))).toBe("SKILL_BAD_OUTPUT");
  });

  it("puts a run that was stopped on record, and lets the turn end", async () => {
    const { call, records, runs } = setUp({ verdict: "killed", reason: "aborted" });
    const signal = new TurnSignal();
    signal.abort(new Error("stopped"));
    await expect(call("calculator", undefined, { signal })).rejects.toThrow("stopped");
    expect(records).toMatchObject([
      {
        ...{ action: "skill.run", subject: "calculator", decision: "failed", code: "STOPPED" },
        detail: { digest: "d1", run: runs[0]?.runId, reason: "aborted" },
      },
    ]);
  });

  it("puts a run on record that ends in a fault of ours", async () => {
    const { records, call } = setUp({
      get stdout(): Buffer {
        throw new Error("the disk is gone");
      },
    });
    await expect(call("calculator")).rejects.toThrow("the disk is gone");
    expect(records).toMatchObject([
      { subject: "calculator", decision: "failed", code: "INTERNAL" },
    ]);
  });

  it("gives the instructions of a skill that has no script", async () => {
    const { call, runs } = setUp();
    expect(codeOf(await call("guide"))).toBe('{"text":"How to guide."}');
    expect(runs).toEqual([]);
  });
});
