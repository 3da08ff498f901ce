import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { cellKey } from "../../sandbox/cell.ts";
import type { Language, Limits, RunRequest, RunResult } from "../../sandbox/driver.ts";
import { createSandbox, type OpenshellSandbox } from "../../sandbox/openshell.ts";
import type { SandboxOptions } from "../../sandbox/options.ts";
import { createLimits } from "../../sandbox/policy.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Settings under which every limit is small enough to be reached in a test. */
export const SETTINGS = {
  strict: true,
  network: { mode: "off" },
  filesystem: {
    max_size_gb: 8 / 1024,
    allowed_paths: ["/workspace", "/tmp"],
    readonly_paths: ["/app", "/config"],
  },
  execution: {
    max_cpu_seconds: 20,
    max_memory_mb: 96,
    allowed_languages: ["python", "javascript", "bash"],
  },
} as const;

/** A sandbox with a state folder of its own. */
export interface TestSandbox {
  readonly sandbox: OpenshellSandbox;
  readonly stateFolder: string;
  /** Writes the source as /app/run.* and runs it. */
  run(language: Language, source: string, more?: RunMore): Promise<RunResult>;
  /** A folder that goes away with the sandbox. */
  folder(): string;
  close(): Promise<void>;
}

export interface RunMore {
  readonly limits?: Partial<Limits>;
  readonly request?: Partial<RunRequest>;
  readonly signal?: AbortSignal;
}

const FILES: Readonly<Record<Language, string>> = {
  python: "run.py",
  javascript: "run.js",
  bash: "run.sh",
};

const NOTHING = { kind: "source", text: "" } as const;
// A boot, after another one that has to end and to be cleared away first.
const WARM_MS = 20_000;

/** `isPrimed`: each run meets a sandbox that was booted for it; `warmPool` has to have room for one. */
export const openTestSandbox = (
  isolation: string,
  options: Partial<SandboxOptions> = {},
  { isPrimed = false } = {},
): TestSandbox => {
  const folders: string[] = [];
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), "clawgate-test-"));
    folders.push(path);
    return path;
  };
  const stateFolder = options.stateFolder ?? folder();
  const { warmPool = "off" } = options;
  let waiting: string | undefined;
  const onReady = (key: string) => {
    waiting = key;
  };
  const sandbox = createSandbox({
    ...SETTINGS,
    isolation,
    enginesFolder: join(ROOT, ".engines"),
    auditSink: "none",
    warmPool: "off",
    log: { info: () => {}, warn: () => {} },
    ...options,
    ...(isPrimed && warmPool !== "off" ? { warmPool: { ...warmPool, onReady } } : {}),
    stateFolder,
  });
  /** Runs a job of the same kind that does nothing, which makes the pool keep another sandbox. */
  const prime = async (request: RunRequest): Promise<void> => {
    const { outputs: _none, ...job } = { ...request, program: NOTHING, credentials: [] };
    const { verdict } = await sandbox.run(job, new AbortController().signal);
    if (verdict !== "ok") return; // so is the job itself refused, before it has a sandbox
    const key = cellKey({ ...job, hasNetwork: job.egress !== "none" });
    await vi.waitFor(() => expect(waiting).toBe(key), { timeout: WARM_MS, interval: 5 });
  };
  return {
    sandbox,
    stateFolder,
    folder,
    async run(language, source, { limits, request, signal } = {}) {
      const app = folder();
      chmodSync(app, 0o755);
      writeFileSync(join(app, FILES[language]), source);
      const asked: RunRequest = {
        runId: "test",
        tenantId: "acme",
        language,
        origin: {},
        program: { kind: "file", path: `/app/${FILES[language]}` },
        argv: [],
        stdin: Buffer.alloc(0),
        env: {},
        readonly: new Map([["/app", app]]),
        egress: "none",
        credentials: [],
        ...request,
        limits: { ...createLimits(SETTINGS)({ wallSeconds: 15 }), ...limits },
      };
      if (isPrimed && !signal?.aborted) await prime(asked);
      waiting = undefined;
      return sandbox.run(asked, signal ?? new AbortController().signal);
    },
    async close() {
      await sandbox.close();
      for (const path of folders) rmSync(path, { recursive: true, force: true });
    },
  };
};
