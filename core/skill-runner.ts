import { randomUUID } from "node:crypto";
import type { Region } from "../config/presets.ts";
import type { Limits, RunRequest, RunResult, Sandbox } from "../sandbox/driver.ts";
import type { AuditLog } from "./audit-log.ts";
import { type Metrics, NO_METRICS } from "./contract/metrics.ts";
import type { ToolCall } from "./contract/model.ts";
import type { Refusal, RefusalCode } from "./contract/reply.ts";
import type { Skill, SkillLimits } from "./contract/skill.ts";
import { refuse } from "./refuse.ts";
import { allowedRegions } from "./residency.ts";
import { checkJson } from "./safety/json-check.ts";
import type { SafetyOf } from "./safety/tenant-safety.ts";
import { readSkillJson } from "./skill-json.ts";
import type { Context } from "./stage.ts";
import { tenantScope } from "./store/scope.ts";

/** Runs skills for a turn: every call is checked again, isolated, validated and put on record. */
export interface SkillRunner {
  /** The skills that this tenant's model may see. */
  allowedFor(context: Context): readonly Skill[];
  /** The skill's output as JSON text, or the refusal that ends the turn. */
  call(call: ToolCall, context: Context): Promise<SkillOutcome>;
}

export type SkillOutcome =
  | { readonly kind: "output"; readonly json: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface SkillRunnerOptions {
  readonly skills: ReadonlyMap<string, RunnableSkill>;
  readonly sandbox: Sandbox;
  /** What one run may use, given what the skill asks for. */
  readonly limitsFor: (asked: SkillLimits) => Limits;
  /** What the settings leave of the hosts that a skill asks for in these regions; the others it finds closed. */
  readonly egressFor: (
    asked: Skill["egress"],
    regions: ReadonlySet<Region>,
  ) => RunRequest["egress"];
  /** What may go into a tenant's skills and come out of them. */
  readonly safetyOf: SafetyOf;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
  /** Default: nobody counts. */
  readonly metrics?: Metrics;
}

/** A skill with its contract compiled once: each check names the problem, or finds none. */
export interface RunnableSkill extends Skill {
  readonly inputProblem: (input: unknown) => string | undefined;
  readonly outputProblem: (output: unknown) => string | undefined;
}

/** What happened, as a code, and the JSON text when all went well. */
interface Ran {
  /** `STOPPED` where nobody waits for it any more. */
  readonly code: RefusalCode | "OK" | "STOPPED";
  readonly json?: string;
  /** What the refusal speaks of, where that is not the skill. */
  readonly subject?: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

const KILLED: Readonly<Record<NonNullable<RunResult["reason"]>, RefusalCode>> = {
  wall: "SKILL_TIMEOUT",
  cpu: "SKILL_TIMEOUT",
  memory: "SKILL_MEMORY",
  pids: "SKILL_LIMIT",
  disk: "SKILL_LIMIT",
  output: "SKILL_LIMIT",
  policy: "SKILL_BLOCKED",
  unavailable: "SANDBOX_UNAVAILABLE",
  aborted: "INTERNAL",
  internal: "INTERNAL",
};

export const createSkillRunner = (options: SkillRunnerOptions): SkillRunner => {
  const { skills, sandbox, limitsFor, egressFor, safetyOf, auditLog, now } = options;
  const { metrics = NO_METRICS } = options;

  const run = async (call: ToolCall, context: Context): Promise<Ran> => {
    const skill = skills.get(call.name);
    // One answer for "not allowed" and "does not exist": a tenant cannot probe for others' skills.
    const verdict = skill ? context.tenant.skillVerdict(skill) : "unknown";
    if (!skill || verdict !== "allowed") {
      return { code: "SKILL_NOT_ALLOWED", detail: { known: skill ? 1 : 0, verdict } };
    }
    const safety = safetyOf(context.tenant.id);
    const { digest } = skill;
    const asked = readSkillJson(call.argumentsJson);
    if (asked.kind === "problem") {
      return { code: "SKILL_FAILED", detail: { digest, input: asked.problem } };
    }
    const given = checkJson(asked.value, safety, "input");
    const detail = { digest, ...given.facts };
    if (given.code) return refused(given.code, detail, given.subject);
    const input = given.value;
    const problem = skill.inputProblem(input);
    if (problem !== undefined)
      return { code: "SKILL_FAILED", detail: { ...detail, input: problem } };
    if (!skill.entry)
      return { code: "OK", json: JSON.stringify({ text: skill.instructions }), detail };

    // Without them it would only fail later.
    const secrets = context.tenant.secretsFor(skill.name);
    const missing = skill.secrets.filter((name) => !secrets.has(name));
    if (missing.length > 0) {
      const secretsNotProvided = missing.join(" ");
      return { code: "SKILL_BLOCKED", detail: { ...detail, secretsNotProvided } };
    }

    const runId = randomUUID();
    const result = await sandbox.run(
      {
        runId,
        tenantId: context.tenant.id,
        language: skill.entry.language,
        origin: { skill: skill.name, messageId: context.message.id },
        program: { kind: "file", path: `/app/${skill.entry.path}` },
        argv: [],
        stdin: Buffer.from(JSON.stringify(input)),
        env: { CLAWGATE_LOCALE: context.locale },
        limits: limitsFor(skill.limits),
        readonly: new Map(),
        trees: new Map([["/app", { digest, files: skill.files }]]),
        egress: egressFor(skill.egress, allowedRegions(context)),
        credentials: [...secrets]
          .filter(([name]) => skill.secrets.includes(name))
          .map(([name, granted]) => ({ name, ...granted })),
      },
      context.signal.abortSignal,
    );
    const facts = {
      ...detail,
      run: runId,
      verdict: result.verdict,
      cpuMs: Math.round(result.usage.cpuMs),
      peakMemoryBytes: result.usage.peakMemoryBytes,
      ...(result.reason && { reason: result.reason }),
      ...(result.detail && { sandbox: result.detail }),
    };
    if (context.signal.aborted) return { code: "STOPPED", detail: facts };
    if (result.reason) return { code: KILLED[result.reason], detail: facts };
    if (result.verdict !== "ok") {
      return { code: "SKILL_FAILED", detail: { ...facts, exit: result.exitCode ?? -1 } };
    }
    const output = readSkillJson(result.stdout);
    const badOutput =
      output.kind === "problem" ? output.problem : skill.outputProblem(output.value);
    if (output.kind === "problem" || badOutput !== undefined) {
      return { code: "SKILL_BAD_OUTPUT", detail: { ...facts, output: badOutput ?? "" } };
    }
    const made = checkJson(output.value, safety, "output");
    const all = { ...facts, ...made.facts };
    if (made.code) return refused(made.code, all, made.subject);
    return { code: "OK", json: JSON.stringify(made.value), detail: all };
  };

  return {
    allowedFor: (context) =>
      [...skills.values()].filter((skill) => context.tenant.skillVerdict(skill) === "allowed"),

    call: async (call, context) => {
      const startedAt = now();
      const putOnRecord = async ({ code, detail }: Pick<Ran, "code" | "detail">): Promise<void> => {
        const scope = tenantScope(context.tenant.id);
        const durationMs = now().getTime() - startedAt.getTime();
        // A name that no skill bears is a model's own text, which may repeat the person's.
        const name = skills.get(call.name)?.name ?? "unknown";
        metrics.skillRan(scope, name, code, durationMs);
        await auditLog.record({
          at: startedAt,
          traceId: context.traceId,
          scope,
          message: context.message,
          action: "skill.run",
          subject: name,
          decision: code === "OK" ? "allowed" : DENIED.has(code) ? "refused" : "failed",
          code,
          durationMs,
          detail,
        });
      };
      const ran = await run(call, context).catch(async (fault: unknown) => {
        // What it did until then it did: a run that leaves no record is the one to hide in.
        await putOnRecord({ code: context.signal.aborted ? "STOPPED" : "INTERNAL", detail: {} });
        throw fault;
      });
      await putOnRecord(ran);
      context.signal.throwIfAborted();
      const { code, json, subject = nameForPeople(call.name) } = ran;
      return json === undefined
        ? { kind: "refused", refusal: refuse(asRefusal(code), context.locale, subject) }
        : { kind: "output", json };
    },
  };
};

const DENIED: ReadonlySet<Ran["code"]> = new Set([
  "SKILL_NOT_ALLOWED",
  "SKILL_BLOCKED",
  "SANDBOX_UNAVAILABLE",
  "DATA_BLOCKED",
  "CONTENT_BLOCKED",
]);

const refused = (code: RefusalCode, detail: Ran["detail"], subject: string | undefined): Ran => ({
  code,
  detail,
  ...(subject !== undefined && { subject }),
});

const asRefusal = (code: Ran["code"]): RefusalCode =>
  code === "OK" || code === "STOPPED" ? "INTERNAL" : code;

/** The name came from a model: keep what a skill name can hold, and of that not too much. */
const nameForPeople = (name: string): string => name.replace(/[^a-zA-Z0-9_-]/g, "?").slice(0, 64);
