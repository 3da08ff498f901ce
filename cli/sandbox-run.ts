import { once } from "node:events";
import { rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { openFileSink } from "../sandbox/audit/file-sink.ts";
import { jsonLine } from "../sandbox/audit/json-line.ts";
import { createOpenTrail } from "../sandbox/audit/open-trail.ts";
import type { AuditSink } from "../sandbox/audit/trail.ts";
import type { RunRequest, RunResult, SandboxStatus } from "../sandbox/driver.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { createLimits, type OpenshellSettings } from "../sandbox/policy.ts";
import { withoutRun } from "../sandbox/refusal.ts";
import type { Io } from "./io.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { readSandboxConfig } from "./sandbox-config.ts";
import { type AskedRun, parseRequest } from "./sandbox-request.ts";
import { writeResult } from "./sandbox-result.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import { readSmallFile } from "./small-file.ts";

export interface RunOptions {
  readonly config: string;
  readonly request: string;
  readonly result: string;
}

const MAX_REQUEST_BYTES = 64 << 20;

/**
 * Runs one job. 0 the result is written, whatever it says; 1 no engine, or it was interrupted; 2 a
 * configuration or a command line that cannot be used. Other than with 0 there is no result.
 */
export const runOne = async (io: Io, options: RunOptions): Promise<number> => {
  const settings = readSandboxConfig(resolve(io.cwd, options.config));
  const resultFile = resolve(io.cwd, options.result);
  const text = readSmallFile(resolve(io.cwd, options.request), MAX_REQUEST_BYTES);
  const misuse = (problem: string): number => sayNo(io, {}, MISUSE, problem);
  if ("problem" in text) return misuse(`--request ${options.request}: ${text.problem}`);
  if (!statSync(dirname(resultFile), { throwIfNoEntry: false })?.isDirectory()) {
    return misuse(`--result ${options.result}: there is no such folder`);
  }
  // What an earlier run left must not be taken for this one's.
  const auditFile = `${resultFile}.audit.jsonl`;
  for (const file of [resultFile, auditFile]) rmSync(file, { force: true });

  const asked = parseRequest(text.text, settings);
  const names = namesOf(asked);
  const auditSink = await openFileSink({
    path: () => auditFile,
    lossLine: (count) =>
      jsonLine({ tenant: names.tenantId, run_id: names.runId, event: "lost", count }),
    log: { warn: (_fields, message) => io.stderr.write(`clawgate: ${message}\n`) },
  });
  try {
    const ran = asked.ok
      ? await runIn(settings, asked.request, auditSink)
      : refuse(settings, asked, auditSink);
    await auditSink.flush();
    if ("problem" in ran) {
      io.stderr.write(`clawgate: ${ran.problem}\n`);
      return 1;
    }
    if (ran.result.detail !== undefined) io.stderr.write(`clawgate: ${ran.result.detail}\n`);
    writeResult(resultFile, { ...ran, auditFile });
    return 0;
  } finally {
    await auditSink.close();
  }
};

type Ran =
  /** `isolation` starts with what the settings say. */
  { readonly result: RunResult; readonly isolation: string } | { readonly problem: string };

const runIn = async (
  settings: OpenshellSettings,
  request: RunRequest,
  auditSink: AuditSink,
): Promise<Ran> => {
  const sandbox = createSandbox({
    ...settings,
    enginesFolder,
    auditSink,
    warmPool: "off",
    isProofEnough: true,
    log: { info: () => {}, warn: () => {} },
  });
  const interrupted = new AbortController();
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    void once(process, name).then(() => interrupted.abort());
  }
  try {
    const status = await sandbox.status();
    if (!status.ok) return { problem: `nothing was run: ${status.reason}` };
    const result = await sandbox.run(request, interrupted.signal);
    if (result.reason === "unavailable") {
      return { problem: `nothing was run: ${result.detail ?? "there is no engine"}` };
    }
    if (result.reason === "aborted") return { problem: "the run was interrupted and ended" };
    return { result, isolation: isolationOf(settings, status) };
  } finally {
    await sandbox.close();
  }
};

const isolationOf = ({ isolation }: OpenshellSettings, status: SandboxStatus): string =>
  status.ok ? `${isolation}: ${status.isolation}` : isolation;

/** Puts a request that is none on record. */
const refuse = (
  settings: OpenshellSettings,
  asked: AskedRun & { readonly ok: false },
  sink: AuditSink,
): Ran => {
  const result = withoutRun("blocked", "policy", asked.problem);
  const { isolation, audit = {} } = settings;
  const trail = createOpenTrail({ sink, audit, isolation, sees: [] })({
    ...namesOf(asked),
    origin: {},
    language: "bash",
    program: { kind: "source", text: "" },
    argv: [],
    stdin: Buffer.alloc(0),
    env: {},
    limits: createLimits(settings)(),
    readonly: new Map(),
    egress: "none",
    credentials: [],
  });
  trail.refused(asked.problem);
  trail.ended(result);
  return { result, isolation };
};

const namesOf = (asked: AskedRun): { readonly tenantId: string; readonly runId: string } =>
  asked.ok ? asked.request : { tenantId: asked.tenant, runId: asked.runId };
