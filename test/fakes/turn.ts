import type { Tenant } from "../../config/tenant.ts";
import type { AuditLog, AuditRecord, PreparedRecord } from "../../core/audit-log.ts";
import type { Content } from "../../core/contract/message.ts";
import type { ModelProvider, ModelRequest, ModelTurn } from "../../core/contract/model.ts";
import { createCounters } from "../../core/delivery/counters.ts";
import { createModels, type Models } from "../../core/models/ask.ts";
import type { PipelineParts } from "../../core/pipeline.ts";
import type { Context } from "../../core/stage.ts";
import { TurnSignal } from "../../core/turn-signal.ts";
import type { RunRequest, RunResult, Sandbox } from "../../sandbox/driver.ts";
import { recordedLog } from "./log.ts";
import { textMessage } from "./messages.ts";

/** A tenant that may use `skills` and asks the provider `fake`. */
export const tenantWith = (skills: readonly string[] = [], more: Partial<Tenant> = {}): Tenant => ({
  id: "sales",
  name: "Sales",
  skillVerdict: ({ name }) =>
    skills.includes(name) || skills.includes("*") ? "allowed" : "not_listed",
  secretsFor: () => new Map(),
  provider: "fake",
  model: "fake-1",
  region: "on-prem",
  dataResidency: "any",
  fallback: [],
  agents: [],
  rateLimits: { userPerMinute: 600, tenantPerMinute: 60_000 },
  allowsExternalUsers: false,
  requiresConsent: false,
  ...more,
});

export const contextOf = (content: Content, tenant: Tenant = tenantWith()): Context => ({
  message: { ...textMessage("m1"), content },
  tenant,
  traceId: "trace",
  locale: "en",
  signal: new TurnSignal(),
  record: () => {},
  keep: () => {},
});

export const textContext = (text: string, tenant?: Tenant): Context =>
  contextOf({ kind: "text", text }, tenant);

/** Keeps every record, in order. */
export const recordedAudit = (): AuditLog & { readonly records: AuditRecord[] } => {
  const records: AuditRecord[] = [];
  const originals = new Map<PreparedRecord, AuditRecord>();
  return {
    records,
    record: async (record) => {
      records.push(record);
    },
    prepare: async (record) => {
      const prepared = { facts: NO_FACTS, digest: new Uint8Array(32) };
      originals.set(prepared, record);
      return prepared;
    },
    recordIn: async (_transaction, record) => {
      const original = "facts" in record ? originals.get(record) : record;
      if (!original) throw new Error("a record that this log did not prepare");
      records.push(original);
    },
  };
};

const NO_FACTS: PreparedRecord["facts"] = {
  ...{ tenant_id: "", at: 0, trace_id: "", channel: "", workspace_id: "", sender_id: "" },
  ...{ message_key: "", action: "", subject: "", decision: "", code: "", duration_ms: 0 },
  ...{ detail: "", personal: null, actor_tag: null },
};

type Answer = Partial<ModelTurn> | ((request: ModelRequest) => Partial<ModelTurn>);

/** A model that gives these turns one after the other, and the last one for ever. */
export const scriptedModel = (...answers: Answer[]) => {
  const requests: ModelRequest[] = [];
  const provider: ModelProvider = {
    name: "fake",
    generate: async (request) => {
      requests.push({ ...request, messages: [...request.messages] });
      const answer = answers[Math.min(requests.length, answers.length) - 1] ?? {};
      const turn = typeof answer === "function" ? answer(request) : answer;
      return { text: "", toolCalls: [], usage: { inputTokens: 0, outputTokens: 0 }, ...turn };
    },
  };
  return { provider, requests };
};

/** A call of `name` as a model would make it. */
export const callOf = (name: string, input: unknown = { text: "hi" }) => ({
  toolCalls: [{ id: `call-${name}`, name, argumentsJson: JSON.stringify(input) }],
});

/** A sandbox that runs nothing and ends every run as told. */
export const fakeSandbox = (result: Partial<RunResult> & { readonly output?: unknown } = {}) => {
  const runs: RunRequest[] = [];
  const sandbox: Sandbox = {
    status: async () => ({
      ok: true,
      engine: "gvisor",
      version: "0",
      isolation: "none: a fake",
      strength: { wall: "kernel in user space", unenforced: [], sees: [] },
    }),
    run: async (request) => {
      runs.push(request);
      return {
        verdict: "ok",
        stdout: Buffer.from(JSON.stringify(result.output ?? { text: "done" })),
        stderr: Buffer.alloc(0),
        isTruncated: false,
        outputs: [],
        usage: { wallMs: 1, cpuMs: 1, peakMemoryBytes: 1 },
        ...result,
      };
    },
    close: async () => {},
  };
  return { sandbox, runs };
};

/** Models that cost nothing, asked as tenants' models are. */
export const freeModels = (...providers: readonly ModelProvider[]): Models =>
  createModels({
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    prices: { priceOf: () => ({ kind: "known", usdPerMillion: { input: 0, output: 0 } }) },
    budget: { reserve: async () => undefined },
    log: recordedLog(),
    now: () => new Date(),
  });

/** What a pipeline needs where nothing is remembered, nobody's data is held and nobody consented. */
export const forgetful: Pick<PipelineParts, "memory" | "holds" | "consents"> = {
  memory: {
    prepare: async () => async () => {},
    recent: async () => [],
    eraseMost: async () => 0,
    eraserOf: async () => async () => 0,
  },
  holds: { isHeld: async () => false },
  consents: {
    isGiven: async () => false,
    whileGiven: async () => async () => {},
    prepare: async () => async () => {},
  },
};

/** What a pipeline needs where nobody writes too fast. */
export const unlimited = (): Pick<PipelineParts, "limiter" | "counters"> => ({
  limiter: { take: async () => ({ kind: "within" }) },
  counters: createCounters(),
});
