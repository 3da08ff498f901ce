import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOpenTrail, type TrailOptions } from "../../../sandbox/audit/open-trail.ts";
import type { AuditSink } from "../../../sandbox/audit/trail.ts";
import type { Observation, RunRequest, RunResult } from "../../../sandbox/driver.ts";
import type { EgressDecision } from "../../../sandbox/egress/egress.ts";

const AT = new Date("2026-01-31T10:00:00.123Z");
const ALL_ON = { log_all_commands: true, log_network_requests: true, log_file_access: true };

const REQUEST: RunRequest = {
  runId: "run-1",
  tenantId: "acme",
  origin: { skill: "weather", messageId: "m-7" },
  language: "bash",
  program: { kind: "file", path: "/app/run.sh" },
  argv: ["--city", "New York"],
  stdin: Buffer.from("what the person asked"),
  env: { CITY_NAME: "value-of-a-variable" },
  limits: {
    wallMs: 1,
    cpuMs: 1,
    memoryBytes: 1,
    pids: 1,
    diskBytes: 1,
    files: 1,
    outputBytes: 1,
    egressBytesPerSecond: 1,
  },
  readonly: new Map(),
  egress: "none",
  credentials: [],
};

const RESULT: RunResult = {
  verdict: "ok",
  exitCode: 0,
  stdout: Buffer.from("what the job said"),
  stderr: Buffer.alloc(0),
  isTruncated: false,
  outputs: [],
  usage: { wallMs: 12.4, cpuMs: 3.6, peakMemoryBytes: 4096 },
};

const exec = (path: string, ...argv: string[]): Observation => ({
  kind: "exec",
  at: AT,
  pid: 4,
  path,
  argv,
});
const write = (path: string): Observation => ({
  kind: "open",
  at: AT,
  pid: 4,
  path,
  isWrite: true,
});
const read = (path: string): Observation => ({
  kind: "open",
  at: AT,
  pid: 4,
  path,
  isWrite: false,
});
const connection: Observation = { kind: "connect", at: AT, pid: 4, to: "10.1.2.3", port: 443 };
const decision = (more: Partial<EgressDecision> = {}): EgressDecision => ({
  at: AT,
  method: "CONNECT",
  host: "api.example.com",
  port: 443,
  decision: "allow",
  rule: "allowed_domains",
  sentBytes: 10,
  receivedBytes: 20,
  durationMs: 5,
  ...more,
});

const memorySink = () => {
  const lines: string[] = [];
  const sink: AuditSink = {
    write: (line) => lines.push(line),
    flush: async () => {},
    dropped: 0,
    close: async () => {},
  };
  return { lines, sink };
};

const open = (more: Partial<TrailOptions> = {}, request: Partial<RunRequest> = {}) => {
  const { lines, sink } = memorySink();
  const trail = createOpenTrail({
    sink,
    audit: ALL_ON,
    isolation: "gVisor 20240729, systrap",
    sees: ["exec", "open", "connect"],
    now: () => AT,
    ...more,
  })({ ...REQUEST, ...request });
  return { trail, lines, records: () => lines.map((line) => JSON.parse(line)) };
};

describe("the record of a run", () => {
  it("binds every line to tenant, run, skill and message, in order", () => {
    const { trail, records } = open();
    trail.started();
    trail.observed(exec("/bin/ls", "ls", "-l"));
    trail.observed(write("/tmp/a"));
    trail.observed(connection);
    trail.egress(decision());
    trail.refused("dd is blocked");
    trail.ended(RESULT);
    const own = { tenant: "acme", run_id: "run-1", skill: "weather", message: "m-7" };
    const events = ["started", "exec", "file_write", "connect", "egress", "refused", "ended"];
    expect(records()).toMatchObject(events.map((event, seq) => ({ ...own, seq, event })));
  });

  it("has the class, type and attributes that OCSF asks for", () => {
    const { trail, records } = open();
    trail.started();
    trail.observed(exec("/bin/ls", "ls", "-l"));
    trail.observed(read("/config/a"));
    trail.observed(write("/tmp/a"));
    trail.observed(connection);
    trail.egress(decision());
    trail.egress(decision({ method: "GET", path: "/v1", decision: "deny", rule: "not listed" }));
    trail.refused("dd is blocked");
    trail.ended(RESULT);
    const allowed = { action_id: 1, action: "Allowed", disposition_id: 1, disposition: "Allowed" };
    const denied = { action_id: 2, action: "Denied", disposition_id: 2, disposition: "Blocked" };
    expect(records()).toMatchObject([
      {
        class_uid: 1007,
        type_uid: 100701,
        process: { cmd_line: "bash /app/run.sh --city 'New York'" },
      },
      {
        class_uid: 1007,
        category_uid: 1,
        activity_id: 1,
        type_uid: 100701,
        severity_id: 1,
        time: AT.getTime(),
        metadata: { version: "1.3.0", tenant_uid: "acme", correlation_uid: "run-1", sequence: 1 },
        actor: { process: { pid: 4 } },
        process: { pid: 4, cmd_line: "ls -l", file: { name: "ls", path: "/bin/ls" } },
      },
      { type_uid: 100102, event: "file_read", file: { name: "a", path: "/config/a" } },
      { type_uid: 100103, event: "file_write", file: { name: "a", path: "/tmp/a" } },
      { class_uid: 4001, type_uid: 400101, dst_endpoint: { ip: "10.1.2.3", port: 443 } },
      {
        ...allowed,
        class_uid: 4002,
        type_uid: 400201,
        host: "api.example.com",
        port: 443,
        decision: "allow",
        dst_endpoint: { hostname: "api.example.com", port: 443 },
        traffic: { bytes_out: 10, bytes_in: 20 },
      },
      { ...denied, type_uid: 400203, decision: "deny", http_request: { url: { path: "/v1" } } },
      { ...denied, class_uid: 2004, type_uid: 200401, finding_info: { title: "dd is blocked" } },
      {
        class_uid: 1007,
        type_uid: 100702,
        verdict: "ok",
        reason: null,
        exit_code: 0,
        usage: { wall_ms: 12, cpu_ms: 4, max_rss_bytes: 4096 },
        counts: {
          exec: 1,
          file_read: 1,
          file_write: 1,
          connect: 1,
          egress_allowed: 1,
          egress_denied: 1,
          refused: 1,
        },
        dropped: 0,
        suppressed: 0,
      },
    ]);
  });

  it.each([
    ["log_all_commands", ["exec"]],
    ["log_network_requests", ["connect", "egress"]],
    ["log_file_access", ["file_read", "file_write"]],
  ])("writes with %s alone what that switch is for", (name, expected) => {
    const { trail, records } = open({ audit: { [name]: true } });
    trail.observed(exec("/bin/ls", "ls"));
    trail.observed(read("/config/a"));
    trail.observed(write("/tmp/a"));
    trail.observed(connection);
    trail.egress(decision());
    expect(records().map(({ event }) => event)).toEqual(expected.toSorted());
  });

  it("writes start, refusals, denials and end with every switch off, and no command", () => {
    const { trail, lines, records } = open({ audit: {} });
    trail.started();
    trail.egress(decision({ decision: "deny" }));
    trail.refused("dd is blocked");
    trail.ended(RESULT);
    expect(records().map(({ event }) => event)).toEqual(["started", "egress", "refused", "ended"]);
    expect(lines.join()).not.toContain("New York");
  });

  it("never has standard input, output or the environment", () => {
    const { trail, lines } = open();
    trail.started();
    trail.ended(RESULT);
    expect(lines.join()).not.toMatch(/what the person asked|value-of-a-variable|what the job said/);
  });

  it("has the text of a job that came as text, cut", () => {
    const text = `dd if=/dev/zero token=s3cret\n${"#".repeat(10_000)}`;
    const { trail, records } = open({}, { program: { kind: "source", text } });
    trail.started();
    const [{ source }] = records();
    expect(source).toMatch(/^dd if=\/dev\/zero token=\*\*\*\n/);
    expect(source.length).toBeLessThan(4200);
  });

  it("says what the engine cannot see", () => {
    const full = open();
    full.trail.started();
    expect(full.records()).toMatchObject([{ coverage: "full" }]);
    const partial = open({ sees: [] });
    partial.trail.started();
    expect(partial.records()).toMatchObject([
      { coverage: "partial", coverage_detail: expect.stringContaining("no access to files") },
    ]);
  });

  it("does not call partial what is switched off", () => {
    const { trail, records } = open({ sees: ["exec"], audit: { log_all_commands: true } });
    trail.started();
    expect(records()).toMatchObject([
      { coverage: "full", coverage_detail: expect.stringContaining("log_file_access is off") },
    ]);
  });

  it("says in the end how much the engine lost, and whether it went blind", () => {
    const { trail, records } = open();
    trail.lost(3);
    trail.lost(4);
    trail.lost(Infinity);
    trail.ended({ ...RESULT, verdict: "killed", reason: "wall" });
    expect(records()).toMatchObject([
      { dropped: 7, is_trace_broken: true, verdict: "killed", reason: "wall", severity_id: 2 },
    ]);
  });

  it("names what was hidden from the engine as hidden", () => {
    const { trail, records } = open();
    trail.observed(exec(""));
    expect(records()).toMatchObject([{ event: "exec", process: { file: { name: "(unnamed)" } } }]);
  });
});

describe("a job that attacks its record", () => {
  it("cannot forge a line by a file's name, an argument or a host", () => {
    const forged = '/tmp/x\n{"tenant":"other","event":"ended","verdict":"ok"}\n';
    const { trail, lines, records } = open();
    trail.observed(write(forged));
    trail.observed(exec(forged, forged));
    trail.egress(decision({ host: forged, path: forged, rule: forged, method: forged }));
    trail.refused(forged);
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).not.toMatch(/[\n\r]/);
    expect(new Set(records().map(({ tenant }) => tenant))).toEqual(new Set(["acme"]));
    expect(records()[0].file.path).toBe(forged);
  });

  it("cannot send anything to a terminal or to a reader with other ideas of a line's end", () => {
    const unit = fc.constantFrom(
      ...'\u001b\u009b\u0085\u2028\u2029\u202e\u200f\ufeff\0\r\n\v\f\x7fa"\\\ud800',
    );
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const { trail, lines } = open();
        trail.observed(write(`/${text}`));
        trail.observed(exec(text, text, text));
        for (const line of lines) {
          expect(line).toMatch(/^[\x20-\x7e\ufffd]*$/);
          expect(JSON.parse(line).tenant).toBe("acme");
        }
      }),
    );
  });

  it("cannot make a line long", () => {
    const long = "x".repeat(1 << 20);
    const { trail, lines } = open();
    trail.observed(exec(long, ...Array(1000).fill(long)));
    trail.observed(write(`/${long}`));
    trail.egress(decision({ host: long, path: long, rule: long, method: long }));
    trail.refused(long);
    trail.ended({ ...RESULT, detail: long });
    for (const line of lines) expect(line.length).toBeLessThan(12_000);
  });

  it("cannot fill the disk, nor hide its way out or its end behind a flood", () => {
    const { trail, lines, records } = open();
    for (let index = 0; index < 30_000; index++) trail.observed(write(`/tmp/file-${index}`));
    trail.egress(decision({ decision: "deny" }));
    trail.refused("dd is blocked");
    trail.ended(RESULT);
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    expect(bytes).toBeLessThan(9 << 20);
    const all = records();
    expect(all.slice(-3).map(({ event }) => event)).toEqual(["egress", "refused", "ended"]);
    const end = all.at(-1);
    expect(end.counts.file_write).toBe(30_000);
    expect(end.suppressed).toBe(30_000 - (all.length - 3));
    expect(end.suppressed).toBeGreaterThan(0);
  });
});
