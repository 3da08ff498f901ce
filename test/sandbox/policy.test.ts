import { tmpdir } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunRequest } from "../../sandbox/driver.ts";
import { narrowEgress } from "../../sandbox/grants.ts";
import { createLimits, overlap, pathProblem, requestProblem } from "../../sandbox/policy.ts";
import { tenantUid } from "../../sandbox/tenant-uid.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

const tree = (name: string, text = "") => ({
  digest: "d",
  files: new Map([[name, Buffer.from(text)]]),
});

describe("limits", () => {
  const limits = createLimits({
    filesystem: { ...SETTINGS.filesystem, max_size_gb: 10 },
    execution: { ...SETTINGS.execution, max_cpu_seconds: 300, max_memory_mb: 4096 },
    network: { mode: "off" },
  });

  it("are the settings' own where the job asks for nothing", () => {
    expect(limits()).toEqual({
      wallMs: 60_000,
      cpuMs: 300_000,
      memoryBytes: 4096 * 2 ** 20,
      pids: 64,
      diskBytes: 10 * 2 ** 30,
      outputBytes: 2 ** 20,
      files: 65_536,
      egressBytesPerSecond: 12_500_000,
    });
  });

  it("are never above the settings, whatever the job asks for", () => {
    const amount = fc.option(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), { nil: undefined });
    const asked = fc.record({
      wallSeconds: amount,
      cpuSeconds: amount,
      memoryMb: amount,
      pids: amount,
      diskMb: amount,
      outputBytes: amount,
      egressMbps: amount,
    });
    fc.assert(
      fc.property(asked, (wanted) => {
        const given = limits(wanted);
        expect(given.wallMs).toBeLessThanOrEqual(310_000);
        expect(given.cpuMs).toBeLessThanOrEqual(300_000);
        expect(given.memoryBytes).toBeLessThanOrEqual(4096 * 2 ** 20);
        expect(given.pids).toBeLessThanOrEqual(256);
        expect(given.diskBytes).toBeLessThanOrEqual(10 * 2 ** 30);
        expect(given.outputBytes).toBeLessThanOrEqual(16 * 2 ** 20);
        expect(given.egressBytesPerSecond).toBeLessThanOrEqual(12_500_000);
        expect(Math.min(...Object.values(given))).toBeGreaterThan(0);
      }),
    );
  });

  it("may be lowered, to fractions too", () => {
    expect(
      limits({ wallSeconds: 0.5, cpuSeconds: 0.25, memoryMb: 64.5, pids: 3, diskMb: 0.5 }),
    ).toMatchObject({
      wallMs: 500,
      cpuMs: 250,
      memoryBytes: 64.5 * 2 ** 20,
      pids: 3,
      diskBytes: 2 ** 19,
    });
    expect(limits({ outputBytes: 10, egressMbps: 0.5 })).toMatchObject({
      outputBytes: 10,
      egressBytesPerSecond: 62_500,
    });
  });
});

describe("a request", () => {
  const settings = {
    filesystem: { ...SETTINGS.filesystem, readonly_paths: ["/app", "/config/"] },
    execution: { ...SETTINGS.execution, allowed_languages: ["python", "bash"] },
    network: { mode: "whitelist", allowed_domains: ["a.test", "*.b.test"], blocked_ports: [22] },
  } as const;
  const plain: RunRequest = {
    runId: "run-1",
    tenantId: "acme",
    origin: {},
    language: "bash",
    program: { kind: "source", text: "true" },
    argv: [],
    stdin: Buffer.alloc(0),
    env: {},
    limits: createLimits(SETTINGS)(),
    readonly: new Map(),
    egress: "none",
    credentials: [],
  };
  const problem = (more: Partial<RunRequest>) => requestProblem({ ...plain, ...more }, settings);
  const secret = { name: "KEY", secret: "s3cret", host: "a.test" };
  const reach: Partial<RunRequest> = { egress: [{ host: "a.test", port: 443 }] };

  it("is fine when it keeps within the settings", () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ readonly: new Map([["/app", tmpdir()]]) })).toBeUndefined();
    expect(problem({ readonly: new Map([["/config/sub/x", tmpdir()]]) })).toBeUndefined();
    expect(problem({ ...reach, credentials: [secret], outputs: "out" })).toBeUndefined();
    expect(problem({ egress: "settings", credentials: [secret] })).toBeUndefined();
  });

  it.each<[string, Partial<RunRequest>]>([
    ["a run id that walks", { runId: "../x" }],
    ["a run id with dots", { runId: "a..b" }],
    ["a tenant id with a slash", { tenantId: "a/b" }],
    ["an empty tenant id", { tenantId: "" }],
    ["an outputs folder that walks", { outputs: ".." }],
    ["an outputs folder below another", { outputs: "a/b" }],
    ["an outputs folder without a name", { outputs: "" }],
    ["a language that the settings leave out", { language: "javascript" }],
    ["a language in other letters", { language: "Bash" as "bash" }],
    ["the name of a method of objects", { language: "constructor" as "bash" }],
    ["a limit of nothing", { limits: { ...plain.limits, pids: 0 } }],
    ["a limit that is no number", { limits: { ...plain.limits, wallMs: Number.NaN } }],
    ["a limit without end", { limits: { ...plain.limits, memoryBytes: Infinity } }],
    ["a folder beside the readable places", { readonly: new Map([["/data", tmpdir()]]) }],
    ["a folder in a longer name", { readonly: new Map([["/application", tmpdir()]]) }],
    ["a folder over a writable one", { readonly: new Map([["/workspace/x", tmpdir()]]) }],
    ["a folder reached through ..", { readonly: new Map([["/app/../etc", tmpdir()]]) }],
    [
      "a folder given twice",
      {
        readonly: new Map([
          ["/app", tmpdir()],
          ["/app/x", tmpdir()],
        ]),
      },
    ],
    ["a folder that is not there", { readonly: new Map([["/app", "/nonexistent"]]) }],
    ["a file for a folder", { readonly: new Map([["/app", "/etc/passwd"]]) }],
    ["a folder by a relative path", { readonly: new Map([["/app", "."]]) }],
    ["the host's root", { readonly: new Map([["/app", "/"]]) }],
    ["the host's accounts", { readonly: new Map([["/app", "/etc"]]) }],
    ["the host's processes", { readonly: new Map([["/app", "/proc/self"]]) }],
    ["the host's root by a link", { readonly: new Map([["/app", "/proc/self/root"]]) }],
    ["the host's sockets", { readonly: new Map([["/app", "/var/run"]]) }],
    ["everybody's homes", { readonly: new Map([["/app", "/root"]]) }],
    ["a tree beside the readable places", { trees: new Map([["/data", tree("a")]]) }],
    ["a tree over a writable place", { trees: new Map([["/workspace/x", tree("a")]]) }],
    [
      "a tree over a folder",
      { readonly: new Map([["/app", tmpdir()]]), trees: new Map([["/app", tree("a")]]) },
    ],
    ["a tree with a file beside it", { trees: new Map([["/app", tree("../../evil")]]) }],
    ["a tree with a file of the host", { trees: new Map([["/app", tree("/etc/passwd")]]) }],
    ["a tree with a file by another name", { trees: new Map([["/app", tree("a/./b")]]) }],
    [
      "a script that its tree does not hold",
      {
        program: { kind: "file", path: "/app/../etc/passwd" },
        trees: new Map([["/app", tree("a")]]),
      },
    ],
    ["a variable twice", { env: { KEY: "x" }, ...reach, credentials: [secret] }],
    ["a source beyond reason", { program: { kind: "source", text: "x".repeat(5 << 20) } }],
    ["a blocked port", { egress: [{ host: "a.test", port: 22 }] }],
    ["a host beside the list", { egress: [{ host: "c.test", port: 443 }] }],
    ["a host whose name ends alike", { egress: [{ host: "evila.test", port: 443 }] }],
    ["the name that a wildcard hangs on", { egress: [{ host: "b.test", port: 443 }] }],
    ["a wildcard that is wider", { egress: [{ host: "*.test", port: 443 }] }],
    ["a secret without a way out", { credentials: [secret] }],
    ["a secret for another host", { ...reach, credentials: [{ ...secret, host: "x.b.test" }] }],
    ["a secret with a line end", { ...reach, credentials: [{ ...secret, secret: "a\r\nb: c" }] }],
  ])("is refused with %s", (_, more) => {
    expect(problem(more)).toEqual(expect.any(String));
  });

  it("is refused for a blocked command in its text, by name", () => {
    const execution = { ...settings.execution, blocked_commands: ["dd"] };
    const inTree: Partial<RunRequest> = {
      program: { kind: "file", path: "/app/run.sh" },
      trees: new Map([["/app", tree("run.sh", "dd if=/dev/zero")]]),
    };
    expect(problem(inTree)).toBeUndefined();
    expect(requestProblem({ ...plain, ...inTree }, { ...settings, execution })).toContain("`dd`");
    const program = { kind: "source", text: "dd if=/dev/zero" } as const;
    expect(requestProblem({ ...plain, program }, { ...settings, execution })).toContain("`dd`");
  });

  it("has no network at all where the settings switch it off", () => {
    const off = { ...settings, network: { ...settings.network, mode: "off" } } as const;
    expect(requestProblem({ ...plain, ...reach }, off)).toContain("a.test:443");
  });
});

describe("what a skill asks of the network", () => {
  const network = {
    mode: "whitelist",
    allowed_domains: ["API.a.test", "*.b.test"],
    blocked_ports: [22],
  } as const;
  const narrow = (host: string, port = 443) =>
    narrowEgress([{ host, port }], network).map((left) => left.host);

  it("is cut to what the settings allow", () => {
    expect(narrow("api.a.test")).toEqual(["api.a.test"]);
    expect(narrow("x.b.test")).toEqual(["x.b.test"]);
    expect(narrow("*.x.b.test")).toEqual(["*.x.b.test"]);
    expect(narrow("*.a.test")).toEqual(["API.a.test"]);
    expect(narrow("b.test")).toEqual([]);
    expect(narrow("a.test")).toEqual([]);
    expect(narrow("x.b.test", 22)).toEqual([]);
    expect(narrowEgress([{ host: "x.b.test", port: 443 }], { ...network, mode: "off" })).toEqual(
      [],
    );
  });
});

describe("paths", () => {
  it.each(["/app", "/data/models", "/config"])("accepts %s", (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  it("takes a folder and what lies in it as overlapping, and not a longer name", () => {
    expect(overlap("/app", "/app/data")).toBe(true);
    expect(overlap("/app", "/app")).toBe(true);
    expect(overlap("/app", "/application")).toBe(false);
  });

  it("never accepts a path that leads into a system folder", () => {
    const part = fc.constantFrom("..", ".", "", "usr", "etc", "proc", "dev", "app");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const path = `/${parts.join("/")}`;
        if (pathProblem(path) !== undefined) return;
        expect(new URL(`file://${path}`).pathname).not.toMatch(/^\/+(usr|etc|proc|dev)(\/|$)/);
      }),
    );
  });
});

describe("a tenant's user", () => {
  it("is always the same and never one of the machine's own", () => {
    fc.assert(
      fc.property(fc.string(), (tenantId) => {
        expect(tenantUid(tenantId)).toBe(tenantUid(tenantId));
        expect(tenantUid(tenantId)).toBeGreaterThan(10_000);
        expect(tenantUid(tenantId)).toBeLessThan(2 ** 31);
      }),
    );
  });
});
