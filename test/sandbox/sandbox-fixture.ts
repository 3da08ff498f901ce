import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

export const openTestSandbox = (
  isolation: string,
  options: Partial<SandboxOptions> = {},
): TestSandbox => {
  const folders: string[] = [];
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), "clawgate-test-"));
    folders.push(path);
    return path;
  };
  const stateFolder = options.stateFolder ?? folder();
  const sandbox = createSandbox({
    ...SETTINGS,
    isolation,
    enginesFolder: join(ROOT, ".engines"),
    auditSink: "none",
    warmPool: "off",
    log: { info: () => {}, warn: () => {} },
    ...options,
    stateFolder,
  });
  return {
    sandbox,
    stateFolder,
    folder,
    run(language, source, { limits, request, signal } = {}) {
      const app = folder();
      chmodSync(app, 0o755);
      writeFileSync(join(app, FILES[language]), source);
      return sandbox.run(
        {
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
        },
        signal ?? new AbortController().signal,
      );
    },
    async close() {
      await sandbox.close();
      for (const path of folders) rmSync(path, { recursive: true, force: true });
    },
  };
};
