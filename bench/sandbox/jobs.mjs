// What the sections of bench/sandbox.mjs run, bare and in the sandbox.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandbox } from "../../dist/sandbox/openshell.js";
import { createLimits } from "../../dist/sandbox/policy.js";

/** Each says first of all when it began, in milliseconds since 1970. */
export const PROGRAMS = {
  bash: { text: "echo $EPOCHREALTIME\n", bare: ["/bin/bash"], scale: 1000 },
  python: {
    text: "import time\nprint(time.time())\n",
    bare: ["/usr/bin/python3", "-I"],
    scale: 1000,
  },
  javascript: {
    text: "console.log(performance.timeOrigin + performance.now());\n",
    bare: [process.execPath],
    scale: 1,
  },
};

const SETTINGS = {
  strict: true,
  filesystem: {
    mode: "ephemeral",
    max_size_gb: 1 / 16,
    allowed_paths: ["/workspace", "/tmp"],
    readonly_paths: ["/app", "/config"],
  },
  network: { mode: "off" },
  execution: {
    max_cpu_seconds: 60,
    max_memory_mb: 256,
    allowed_languages: ["python", "javascript", "bash"],
  },
  audit: {},
};

export const now = () => performance.timeOrigin + performance.now();

/** Opens a sandbox that is ready; throws when the engine does not work here. */
export const open = async (isolation, more = {}) => {
  const sandbox = createSandbox({
    ...SETTINGS,
    isolation,
    enginesFolder: join(import.meta.dirname, "..", "..", ".engines"),
    stateFolder: join(folder, "state"),
    auditSink: "none",
    warmPool: "off",
    log: { info: () => {}, warn: (...words) => console.warn(...words) },
    ...more,
    audit: more.audit ?? SETTINGS.audit,
  });
  const status = await sandbox.status();
  if (!status.ok) throw new Error(status.reason);
  return sandbox;
};

const limitsFor = createLimits(SETTINGS);
let runs = 0;

export const request = (language, text = PROGRAMS[language].text, limits = {}) => ({
  runId: `bench-${runs++}`,
  tenantId: "bench",
  origin: {},
  language,
  program: { kind: "source", text },
  argv: [],
  stdin: Buffer.alloc(0),
  env: {},
  limits: { ...limitsFor({}), ...limits },
  readonly: new Map(),
  egress: "none",
  credentials: [],
});

/** Runs a job that has to end well; milliseconds until its first line and until the result. */
export const runTimed = async (sandbox, language, text) => {
  const asked = request(language, text);
  const startedAt = now();
  const result = await sandbox.run(asked, new AbortController().signal);
  const done = now() - startedAt;
  if (result.verdict !== "ok")
    throw new Error(`${result.verdict} ${result.reason} ${result.detail}`);
  return { first: Number(result.stdout) * PROGRAMS[language].scale - startedAt, done };
};

const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
chmodSync(folder, 0o711); // the jobs' users walk through it
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const [language, { text }] of Object.entries(PROGRAMS)) {
  writeFileSync(join(folder, language), text);
}

/** Milliseconds of a plain process that runs the same program, to the end of its output. */
export const bareTimed = async (command, args = []) => {
  const startedAt = now();
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: {} });
  child.stdin.end();
  child.stdout.resume();
  child.stderr.resume();
  await once(child, "close");
  return now() - startedAt;
};

export const bare = (language) => {
  const [command, ...args] = PROGRAMS[language].bare;
  return bareTimed(command, [...args, join(folder, language)]);
};
