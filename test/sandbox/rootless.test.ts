import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileGateway, ROOT } from "./compiled-gateway.ts";
import { SETTINGS } from "./sandbox-fixture.ts";
import { processesWith } from "./traces.ts";

/** Nobody's: no control group is handed to it. */
const UID = 234_567;
const isRoot = process.getuid?.() === 0;

// Prints one line of JSON: the status, and how each job ended.
const GATEWAY = `
  import { createSandbox } from "./compiled/sandbox/openshell.js";
  import { createLimits } from "./compiled/sandbox/policy.js";
  const settings = JSON.parse(process.argv[2]);
  const sandbox = createSandbox({
    ...settings, auditSink: "none", warmPool: "off", log: { info() {}, warn() {} },
  });
  const run = async ([language, text, limits = {}]) => {
    const { stdout, stderr, outputs, ...result } = await sandbox.run({
      runId: "r", tenantId: "acme", language, argv: [], program: { kind: "source", text },
      origin: {}, egress: "none", credentials: [], stdin: Buffer.from("in"), env: {},
      limits: { ...createLimits(settings)({ wallSeconds: 15 }), ...limits },
      readonly: new Map(), outputs: "out",
      trees: new Map([["/app", { digest: "d", files: new Map([["lib/word", Buffer.from("tree")]]) }]]),
    }, new AbortController().signal);
    return { ...result, stdout: String(stdout), outputs: outputs.map(({ path }) => path) };
  };
  const status = await sandbox.status();
  const results = [];
  if (status.ok) for (const job of settings.jobs) results.push(await run(job));
  await sandbox.close();
  console.log(JSON.stringify({ status, results }));
`;

// A bomb that gives up by itself where nobody stops it: no control group stands behind this limit.
const FORKS = `
import os, time
n = 0
while n < 100:
  try:
    if os.fork() == 0: time.sleep(20); os._exit(0)
    n += 1
  except OSError: time.sleep(0.05)
`;

const JOBS = [
  [
    "bash",
    "cat; cat /app/lib/word; : 2>/dev/null >/app/x || echo -n ' kept'; mkdir out; echo made >out/file; ls -A / | tr '\\n' ' '",
  ],
  ["python", "x = []\nwhile True: x.append(bytearray(1 << 20))"],
  ["bash", "while :; do :; done", { cpuMs: 1000 }],
  ["bash", "head -c 9000000 /dev/zero >/tmp/x"],
  ["bash", "setsid sleep 8765432 & sleep 60", { wallMs: 300 }],
  ["python", FORKS, { pids: 20 }],
  ["bash", "for p in /etc /usr /root /home; do : >$p/x && echo $p; done 2>/dev/null; true"],
];

const home = mkdtempSync(join(tmpdir(), "clawgate-rootless-"));
const stateFolder = join(home, "state");
beforeAll(() => {
  if (!isRoot) return;
  chmodSync(home, 0o755);
  compileGateway(home, GATEWAY);
  // A checkout may lie where other users cannot walk.
  cpSync(join(ROOT, ".engines"), join(home, "engines"), { recursive: true });
  mkdirSync(stateFolder);
  chownSync(stateFolder, UID, UID);
}, 60_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.skipIf(!isRoot)("a gateway that is not root and has no control groups", () => {
  const start = (isolation: string, strict: boolean) => {
    const settings = { ...SETTINGS, strict, isolation, stateFolder, jobs: JOBS };
    const { stdout } = spawnSync(
      "/usr/bin/setpriv",
      [
        ...[`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", process.execPath],
        ...[join(home, "gateway.js")],
        JSON.stringify({ ...settings, enginesFolder: join(home, "engines") }),
      ],
      { cwd: "/", env: {}, encoding: "utf8" },
    );
    return JSON.parse(stdout);
  };
  const WATCHED = ["openshell.execution.max_cpu_seconds", "openshell.execution.max_memory_mb"];

  it.each(["gvisor", "bubblewrap"])(
    "runs jobs in %s and ends them at their limits",
    (isolation) => {
      const { status, results } = start(isolation, false);
      expect(status).toMatchObject({ ok: true, strength: { unenforced: WATCHED } });
      const [plain, ...limited] = results;
      expect(plain).toMatchObject({ verdict: "ok", outputs: ["out/file"] });
      expect(plain.stdout).toMatch(/^intree kept(?!.*(root|home|var)).*workspace/);
      const reasons = limited.map(({ reason }: { reason?: string }) => reason);
      expect(reasons).toEqual(["memory", "cpu", "disk", "wall", "pids", undefined]);
      expect(results.at(-1)).toMatchObject({ verdict: "ok", stdout: "" });
      expect(processesWith("sleep 8765432")).toEqual([]);
      expect(readdirSync(stateFolder)).toEqual([]);
    },
    60_000,
  );

  it("refuses strict settings, since it can only watch these limits", () => {
    const { status } = start("bubblewrap", true);
    expect(status.ok).toBe(false);
    expect(status.reason).toContain(`cannot hold ${WATCHED.join(", ")}`);
  });
});
