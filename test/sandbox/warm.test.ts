import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, type TestContext, vi } from "vitest";
import type { AuditSink } from "../../sandbox/audit/trail.ts";
import type { SandboxOptions } from "../../sandbox/options.ts";
import { eventually } from "../fakes/eventually.ts";
import { openTestSandbox, SETTINGS } from "./sandbox-fixture.ts";
import { ownCgroupAgeMs, ownCgroups, ownProcesses, ownShares } from "./traces.ts";

const isRoot = process.getuid?.() === 0;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Skips the test where the engine does not work. */
const open = async (
  context: TestContext,
  engine: string,
  options: Partial<SandboxOptions> = {},
) => {
  const opened = openTestSandbox(engine, { warmPool: {}, ...options });
  closing.push(opened.close);
  const status = await opened.sandbox.status();
  if (!status.ok && process.env.CI !== "true") context.skip(`no sandbox: ${status.reason}`);
  expect(status).toMatchObject({ ok: true });
  return opened;
};

/** Waits until one sandbox is there and had the time to boot. */
const settled = () =>
  vi.waitFor(
    () => {
      expect(new Set(ownCgroups()).size).toBe(1);
      expect(ownCgroupAgeMs()).toBeGreaterThan(1_500);
    },
    { timeout: 20_000, interval: 100 },
  );
const gone = () => vi.waitFor(() => expect(ownCgroups()).toEqual([]), { timeout: 10_000 });

describe.skipIf(!isRoot && process.env.CI !== "true").each(["bubblewrap", "gvisor"])(
  "a warm %s sandbox",
  (engine) => {
    it("runs what a cold one runs, once, and is replaced", async (context) => {
      const opened = await open(context, engine);
      const text = 'echo "$1 $WORD $(cat)"; ls /tmp /workspace; touch /tmp/left /workspace/left';
      const run = (word: string) =>
        opened.sandbox.run(
          {
            ...requestOf(),
            program: { kind: "source", text },
            argv: [word],
            env: { WORD: word },
            stdin: Buffer.from(word),
          },
          signal,
        );
      expect((await run("cold")).stdout.toString()).toBe("cold cold cold\n/tmp:\n\n/workspace:\n");
      for (const word of ["first", "second"]) {
        await settled();
        const [before] = ownCgroups();
        const result = await run(word);
        expect(result.stdout.toString()).toBe(`${word} ${word} ${word}\n/tmp:\n\n/workspace:\n`);
        await vi.waitFor(() => expect(ownCgroups()).not.toContain(before), { timeout: 10_000 });
        await settled();
      }
      await opened.close();
      await gone();
    });

    it("leaves the processor to others until its job comes", async (context) => {
      const opened = await open(context, engine);
      const run = (text: string, signal: AbortSignal) =>
        opened.sandbox.run({ ...requestOf(), program: { kind: "source", text } }, signal);
      await run("echo cold", new AbortController().signal);
      await settled();
      const [waiting, ...others] = new Set(ownShares());
      if (waiting === undefined && process.env.CI !== "true") {
        context.skip("the kernel does not share processors out here");
      }
      expect([waiting, ...others]).toEqual([expect.any(Number)]);
      const stopping = new AbortController();
      const working = run("sleep 60", stopping.signal);
      await eventually(() => expect(ownShares()).toContain(4 * (waiting ?? 0)));
      stopping.abort();
      expect(await working).toMatchObject({ verdict: "killed", reason: "aborted" });
    });

    it("is never handed out dead", async (context) => {
      const opened = await open(context, engine);
      const source = { kind: "source", text: "echo alive" } as const;
      const run = () =>
        opened.sandbox.run({ ...requestOf(), program: source }, new AbortController().signal);
      expect((await run()).stdout.toString()).toBe("alive\n");
      await settled();
      const [pid = 0] = ownProcesses(/./);
      process.kill(pid, "SIGKILL");
      await gone();
      expect((await run()).stdout.toString()).toBe("alive\n");
    });
  },
);

const requestOf = () => ({
  runId: "warm",
  tenantId: "acme",
  language: "bash" as const,
  origin: {},
  argv: [],
  stdin: Buffer.alloc(0),
  env: {},
  limits: {
    wallMs: 15_000,
    cpuMs: 10_000,
    memoryBytes: 64 << 20,
    pids: 16,
    diskBytes: 1 << 20,
    files: 100,
    outputBytes: 10_000,
    egressBytesPerSecond: 1_000_000,
  },
  readonly: new Map<string, string>(),
  egress: "none" as const,
  credentials: [],
});
const signal = new AbortController().signal;

describe.skipIf(!isRoot && process.env.CI !== "true")("new settings", () => {
  it("hold for the next run, empty the pool and leave what runs alone", async (context) => {
    const opened = await open(context, "bubblewrap");
    const { sandbox } = opened;
    const run = (text: string) =>
      sandbox.run({ ...requestOf(), program: { kind: "source", text } }, signal);
    expect((await run("echo one")).verdict).toBe("ok");
    await settled();
    const running = run("sleep 765432; exit 7");
    await eventually(() => expect(ownProcesses(/^sleep 765432/)).not.toEqual([]));
    sandbox.update({
      ...SETTINGS,
      isolation: "bubblewrap",
      execution: { ...SETTINGS.execution, allowed_languages: ["python"] },
    });
    const refused = await run("echo two");
    expect(refused).toMatchObject({ verdict: "blocked", reason: "policy" });
    expect(refused.detail).toContain("allowed_languages");
    for (const pid of ownProcesses(/^sleep 765432/)) process.kill(pid, "SIGKILL");
    expect(await running).toMatchObject({ verdict: "error", exitCode: 7 });
    await gone();
  });

  it("that are the old ones change nothing", async (context) => {
    const opened = await open(context, "bubblewrap");
    const { sandbox } = opened;
    await sandbox.run({ ...requestOf(), program: { kind: "source", text: "true" } }, signal);
    await settled();
    const before = ownCgroups();
    sandbox.update({ ...SETTINGS, isolation: "bubblewrap" });
    expect(ownCgroups()).toEqual(before);
  });
});

describe.skipIf(!isRoot && process.env.CI !== "true").each(["bubblewrap", "gvisor"])(
  "the way out of a %s sandbox",
  (engine) => {
    it("is what settings and policy allow, is the run's own, cold and warm, and is on record", async (context) => {
      const server = createServer((request, response) => response.end(`served ${request.url}`));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      closing.push(async () => void server.close());
      const { port } = server.address() as AddressInfo;
      const lines: Record<string, unknown>[] = [];
      const auditSink: AuditSink = {
        write: (line) => lines.push(JSON.parse(line)),
        flush: async () => {},
        dropped: 0,
        close: async () => {},
      };
      const host = { address: "127.0.0.1", port_map: { "80": port }, internal: true };
      const opened = await open(context, engine, {
        network: { mode: "whitelist", allowed_domains: ["a.test", "b.test"] },
        hosts: { "a.test": host, "b.test": host },
        audit: { log_network_requests: true },
        auditSink,
      });
      const text = [
        "import urllib.request",
        "for host in ('a.test', 'b.test', 'c.test'):",
        "  try: print(urllib.request.urlopen(f'http://{host}/{host}', timeout=5).read().decode())",
        "  except Exception as error: print(host, type(error).__name__)",
      ].join("\n");
      const run = (runId: string, only: "settings" | { host: string; port: number }[]) =>
        opened.sandbox.run(
          {
            ...requestOf(),
            limits: { ...requestOf().limits, memoryBytes: 96 << 20 },
            runId,
            language: "python",
            program: { kind: "source", text },
            egress: only,
          },
          signal,
        );
      const all = "served /a.test\nserved /b.test\nc.test HTTPError\n";
      expect((await run("cold", "settings")).stdout.toString()).toBe(all);
      await settled();
      const less = "served /a.test\nb.test HTTPError\nc.test HTTPError\n";
      const narrowed = await run("warm", [{ host: "a.test", port: 80 }]);
      expect(narrowed.stdout.toString()).toBe(less);
      const egress = lines.filter(({ event }) => event === "egress");
      expect(egress.map(({ run_id, host, decision }) => `${run_id} ${host} ${decision}`)).toEqual([
        "cold a.test allow",
        "cold b.test allow",
        "cold c.test deny",
        "warm a.test allow",
        "warm b.test deny",
        "warm c.test deny",
      ]);
    });
  },
);
