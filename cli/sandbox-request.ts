import { z } from "zod";
import type { Language, RunRequest } from "../sandbox/driver.ts";
import { createLimits, type OpenshellSettings } from "../sandbox/policy.ts";

/** A job as its file asks for it, or why it is none, with whatever can be told of whose it is. */
export type AskedRun =
  | { readonly ok: true; readonly request: RunRequest }
  | {
      readonly ok: false;
      readonly tenant: string;
      readonly runId: string;
      readonly problem: string;
    };

const amount = () => z.number().positive().nullish();
const whole = () => z.int().positive().nullish();
const map = () => z.map(z.string(), z.string());

const requestSchema = z.strictObject({
  tenant: z.string(),
  run_id: z.string(),
  language: z.enum(["python", "javascript", "bash"]),
  source: z.string(),
  argv: z.array(z.string()).nullish(),
  stdin: z.string().nullish(),
  env: z.preprocess(toMap, map().nullish()),
  network: z.boolean().nullish(),
  limits: z
    .strictObject({
      wall_s: amount(),
      cpu_s: amount(),
      memory_mb: amount(),
      pids: whole(),
      disk_mb: amount(),
      output_bytes: whole(),
      egress_mbps: amount(),
    })
    .nullish(),
  outputs: z.string().nullish(),
  readonly: z.preprocess(toMap, map().nullish()),
});

// A record would lose a key such as `__proto__`; a map keeps it to be judged.
function toMap(value: unknown): unknown {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? new Map(Object.entries(value)) : value;
}

/** Understands the text of a request; what the settings say of it is judged when it is run. */
export const parseRequest = (text: string, settings: OpenshellSettings): AskedRun => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, tenant: "", runId: "", problem: "the request is not JSON" };
  }
  const parsed = requestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.map(String).join(".").slice(0, 100);
    return {
      ok: false,
      tenant: textAt(value, "tenant"),
      runId: textAt(value, "run_id"),
      problem: `the request${path ? `'s ${path}` : ""}: ${issue?.message ?? "not understood"}`,
    };
  }
  return { ok: true, request: toRunRequest(parsed.data, settings) };
};

/** What names the run, where there is such a thing. */
const textAt = (value: unknown, key: string): string => {
  const found: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "string" ? found.slice(0, 64) : "";
};

const toRunRequest = (
  asked: z.output<typeof requestSchema>,
  settings: OpenshellSettings,
): RunRequest => {
  const limits = asked.limits ?? {};
  const language: Language = asked.language;
  return {
    runId: asked.run_id,
    tenantId: asked.tenant,
    origin: {},
    language,
    program: { kind: "source", text: asked.source },
    argv: asked.argv ?? [],
    stdin: Buffer.from(asked.stdin ?? ""),
    env: Object.fromEntries(asked.env ?? []),
    limits: createLimits(settings)({
      wallSeconds: limits.wall_s ?? undefined,
      cpuSeconds: limits.cpu_s ?? undefined,
      memoryMb: limits.memory_mb ?? undefined,
      pids: limits.pids ?? undefined,
      diskMb: limits.disk_mb ?? undefined,
      outputBytes: limits.output_bytes ?? undefined,
      egressMbps: limits.egress_mbps ?? undefined,
    }),
    readonly: asked.readonly ?? new Map(),
    // To ask for the network gives no more of it than the settings do.
    egress: asked.network && settings.network.mode !== "off" ? "settings" : "none",
    credentials: [],
    ...(asked.outputs != null && { outputs: asked.outputs }),
  };
};
