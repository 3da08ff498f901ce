import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCgroups } from "../../sandbox/cgroup/cgroup.ts";
import type { Language, RunRequest, RunResult, SandboxDriver } from "../../sandbox/driver.ts";
import { createBubblewrapDriver } from "../../sandbox/drivers/bubblewrap.ts";
import { createGvisorDriver } from "../../sandbox/drivers/gvisor.ts";
import type { EgressDecision } from "../../sandbox/egress/egress.ts";
import { createEgress } from "../../sandbox/egress/proxy.ts";
import { createLimits } from "../../sandbox/policy.ts";
import { createWorkshop, type Workshop } from "../../sandbox/workshop.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

const enginesFolder = new URL("../../.engines", import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;
const home = mkdtempSync(join(tmpdir(), "clawgate-way-out-"));
chmodSync(home, 0o711);
const server = createServer((request, response) => response.end(`served ${request.url}`));
let workshop: Workshop;

beforeAll(async () => {
  if (!isRoot) return;
  workshop = await createWorkshop(join(home, "state"), findCgroups(), SETTINGS.filesystem);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.close();
  if (isRoot) await workshop.close();
  rmSync(home, { recursive: true, force: true });
});

const ENGINES: Readonly<Record<string, () => SandboxDriver>> = {
  gvisor: () => createGvisorDriver(workshop, { enginesFolder }),
  bubblewrap: () => createBubblewrapDriver(workshop),
};

describe.skipIf(!isRoot && process.env.CI !== "true").each(Object.keys(ENGINES))(
  "the way out of %s",
  (engine) => {
    const run = async (language: Language, text: string) => {
      const driver = ENGINES[engine]?.();
      if (driver === undefined) throw new Error(`no ${engine}`);
      const port = (server.address() as AddressInfo).port;
      const egress = createEgress({
        network: { mode: "whitelist", allowed_domains: ["served.test"] },
        hosts: {
          "served.test": { address: "127.0.0.1", port_map: { "80": port }, internal: true },
        },
        folder: mkdtempSync(join(home, "e-")), // closed to the job's user, as mkdtemp makes it
      });
      const link = await egress.open("slot", "acme");
      const request: RunRequest = {
        runId: "test",
        tenantId: "acme",
        language,
        origin: {},
        program: { kind: "source", text },
        argv: [],
        stdin: Buffer.alloc(0),
        env: {},
        limits: createLimits(SETTINGS)({ wallSeconds: 15 }),
        readonly: new Map(),
        egress: "settings",
        credentials: [],
      };
      const decisions: EgressDecision[] = [];
      link.bind({
        tenantId: "acme",
        runId: "test",
        only: "settings",
        credentials: [],
        bytesPerSecond: Infinity,
        record: (decision) => decisions.push(decision),
      });
      const slot = await driver.prepare({ ...request, wayOut: link.wayOut });
      let result: RunResult;
      try {
        const signal = new AbortController().signal;
        const job = { request, observe: () => "go on" as const, lost: () => {} };
        result = await driver.dispatch(slot, job, signal);
      } finally {
        await driver.destroy(slot);
        await egress.close();
      }
      return { result, decisions, stdout: result.stdout.toString() };
    };

    it.each([
      [
        "python",
        "import urllib.request as u; print(u.urlopen('http://served.test/x').read().decode())",
      ],
      ["bash", "curl -sS http://served.test/x; echo"],
      ["bash", "curl -sS --noproxy '*' http://served.test/x; echo"],
      ["javascript", "fetch('http://served.test/x').then((r) => r.text()).then(console.log)"],
    ] as const)("carries a request of %s: %s", async (language, source) => {
      const { result, decisions, stdout } = await run(language, source);
      expect(result.stderr.toString()).toBe("");
      expect(stdout).toBe("served /x\n");
      expect(decisions).toMatchObject([{ host: "served.test", port: 80, decision: "allow" }]);
    });

    it("leads nowhere but to the proxy, and leaves the job no right over its network", async () => {
      const { stdout } = await run(
        "bash",
        "cut -d: -f1 /proc/net/dev | tail -n +3; grep -hE '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status /proc/[0-9]*/status | sort -u;" +
          " (: >/dev/tcp/127.0.0.1/22) 2>/dev/null && echo reached; (echo 1 >/proc/sys/net/ipv4/ip_forward) 2>/dev/null && echo wrote; true",
      );
      expect(stdout.replaceAll(/[ \t]/g, "")).toMatch(/^lo\n(Cap(Amb|Eff|Inh|Prm):0{16}\n){3,4}$/);
    });
  },
);
