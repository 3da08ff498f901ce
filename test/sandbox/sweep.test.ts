import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../fakes/eventually.ts";
import { compileGateway, ROOT } from "./compiled-gateway.ts";
import { openTestSandbox, SETTINGS } from "./sandbox-fixture.ts";
import { mountsWith, ownCgroups, processesWith } from "./traces.ts";

// A gateway of its own: runs one job that would take a minute, says so and waits.
const GATEWAY = `
  import { createSandbox } from "./compiled/sandbox/openshell.js";
  import { createLimits } from "./compiled/sandbox/policy.js";
  const settings = JSON.parse(process.argv[2]);
  const sandbox = createSandbox({
    ...settings, auditSink: "none", warmPool: "off", log: { info() {}, warn() {} },
  });
  console.log(JSON.stringify(await sandbox.status()));
  sandbox.run({
    runId: "long", tenantId: "acme", language: "bash", argv: [],
    program: { kind: "file", path: "/app/run.sh" }, origin: {}, egress: "none", credentials: [],
    stdin: Buffer.alloc(0), env: {}, limits: createLimits(settings)({}),
    readonly: new Map([["/app", settings.app]]),
  }, new AbortController().signal);
`;

const home = mkdtempSync(join(tmpdir(), "clawgate-sweep-"));
const stateFolder = join(home, "state");
const gateways: ChildProcess[] = [];

beforeAll(() => {
  compileGateway(home, GATEWAY);
  mkdirSync(join(home, "app"));
  execFileSync("chmod", ["711", home]);
});
afterAll(() => {
  for (const gateway of gateways) gateway.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot && process.env.CI !== "true").each([
  ["gvisor", "sleep 7654321"],
  ["bubblewrap", "sleep 7654322"],
])("what a killed gateway left of %s", (isolation, command) => {
  it("is swept by the next one, which leaves the live one alone", async () => {
    writeFileSync(join(home, "app", "run.sh"), command);
    const options = { ...SETTINGS, isolation, enginesFolder: join(ROOT, ".engines"), stateFolder };
    const start = async () => {
      const gateway = spawn(
        process.execPath,
        [join(home, "gateway.js"), JSON.stringify({ ...options, app: join(home, "app") })],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      gateways.push(gateway);
      const [status] = await once(gateway.stdout, "data");
      return { gateway, pid: gateway.pid ?? 0, status: JSON.parse(String(status)) };
    };
    const killed = await start();
    if (!killed.status.ok && process.env.CI !== "true") return console.warn(killed.status.reason);
    expect(killed.status).toMatchObject({ ok: true });
    const live = await start();
    const hasJob = (pid: number) => ownCgroups(pid).length > 0;
    await eventually(() => expect(hasJob(killed.pid) && hasJob(live.pid)).toBe(true));

    killed.gateway.kill("SIGKILL");
    await once(killed.gateway, "exit");
    expect(hasJob(killed.pid)).toBe(true);
    expect(mountsWith(`clawgate-${killed.pid}-`)).not.toEqual([]);
    const next = openTestSandbox(isolation, { stateFolder });
    try {
      expect(await next.sandbox.status()).toMatchObject({ ok: true });
      expect(ownCgroups(killed.pid)).toEqual([]);
      const owners = readdirSync(stateFolder);
      expect(owners.some((name) => name.startsWith(`clawgate-${killed.pid}-`))).toBe(false);
      expect(processesWith(`clawgate-${killed.pid}-`)).toEqual([]);
      expect(mountsWith(`clawgate-${killed.pid}-`)).toEqual([]);
      expect(owners.some((name) => name.startsWith(`clawgate-${live.pid}-`))).toBe(true);
      expect(hasJob(live.pid)).toBe(true);
    } finally {
      await next.close();
      live.gateway.kill("SIGKILL");
      await once(live.gateway, "exit");
    }
    const last = openTestSandbox(isolation, { stateFolder });
    await last.sandbox.status();
    await last.close();
    expect(ownCgroups(live.pid)).toEqual([]);
    expect(existsSync(stateFolder) ? readdirSync(stateFolder) : []).toEqual([]);
  });
});
