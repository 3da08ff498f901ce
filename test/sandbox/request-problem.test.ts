import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { RunRequest } from "../../sandbox/driver.ts";
import { createLimits } from "../../sandbox/policy.ts";
import { requestProblem } from "../../sandbox/request-problem.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

const tree = (name: string, text = "") => ({
  digest: "d",
  files: new Map([[name, Buffer.from(text)]]),
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
