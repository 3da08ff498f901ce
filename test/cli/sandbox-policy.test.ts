import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { registerSandbox } from "../../cli/sandbox.ts";
import { createWorkspace, load } from "../config/workspace.ts";
import { runVerb } from "./run-verb.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Settings as a customer writes them. */
const SETTINGS = `{
  "openshell": {
    "isolation": "gvisor",
    "filesystem": { "max_size_gb": 10, "allowed_paths": ["/workspace", "/tmp"], "readonly_paths": ["/app", "/config"] },
    "network": { "mode": "whitelist", "allowed_domains": ["api.openai.com", "internal-api.company.com"], "blocked_ports": [22, 3389], "egress_bandwidth_mbps": 100 },
    "execution": { "max_cpu_seconds": 300, "max_memory_mb": 4096, "allowed_languages": ["python", "javascript", "bash"], "blocked_commands": ["rm -rf /", "dd"] }
  }
}`;

const POLICY = `version: 1
filesystem_policy: { include_workdir: true, read_write: [/tmp] }
network_policies:
  api:
    endpoints:
      - host: api.example.com
        port: 443
        protocol: rest
        enforcement: enforce
        access: read-only
    binaries: [{ path: /usr/bin/curl }]
`;

/** A policy of which everything is held. */
const HELD = "version: 1\nfilesystem_policy: { include_workdir: true }\n";

const run = (cwd: string, ...words: readonly string[]) =>
  runVerb(registerSandbox, cwd, ["sandbox", "policy", ...words]);

describe("sandbox policy import", () => {
  it("prints settings that load, and says on stderr what becomes of each key", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY });
    const { code, out, err } = await run(cwd, "import", "p.yaml");
    expect(code).toBe(0);
    const { settings } = load(out);
    expect(settings.openshell).toMatchObject({
      filesystem: { allowed_paths: ["/workspace", "/tmp"], readonly_paths: [] },
      network: { mode: "whitelist", allowed_domains: ["api.example.com"] },
      policy_file: join(cwd, "p.yaml"),
    });
    expect(err).toContain("unenforceable:\n  network_policies.api.binaries: Every program");
    expect(err).toContain("enforced:\n  version: ");
  });

  it("writes a file that names the policy relative to itself, and never over another", async () => {
    const cwd = createWorkspace({ "policies/p.yaml": POLICY, "out/old.json": "mine" });
    expect(await run(cwd, "import", "policies/p.yaml", "-o", "out/new.json")).toMatchObject({
      code: 0,
      out: "",
    });
    expect(readFileSync(join(cwd, "out/new.json"), "utf8")).toContain(
      '"policy_file": "../policies/p.yaml"',
    );
    const again = await run(cwd, "import", "policies/p.yaml", "-o", "out/old.json");
    expect(again.code).toBe(2);
    expect(again.err).toContain(`${cwd}/out/old.json cannot be written: is there already`);
    expect(readFileSync(join(cwd, "out/old.json"), "utf8")).toBe("mine");
    const told = await run(cwd, "import", "policies/p.yaml", "-o", "out/old.json", "--json");
    expect([told.code, JSON.parse(told.out)]).toMatchObject([2, { ok: false, error: {} }]);
    const nowhere = await run(cwd, "export", "-o", "none/p.yaml");
    expect(nowhere).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/no such folder/),
    });
  });

  it("prints all of it for machines", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY });
    const { code, out, err } = await run(cwd, "import", "p.yaml", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      source: join(cwd, "p.yaml"),
      openshell: { network: { allowed_domains: ["api.example.com"] } },
      open: [{ host: "api.example.com", port: 443 }],
      rules: [{ host: "api.example.com", ports: [443], tls: "terminate" }],
      report: expect.arrayContaining([
        {
          path: "network_policies.api.endpoints[0].access",
          status: "enforced",
          why: "The proxy lets through: read-only.",
        },
      ]),
    });
  });

  it("takes with --strict only what is held whole", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY, "held.yaml": HELD });
    const refused = await run(cwd, "import", "p.yaml", "--strict", "-o", "out.json");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain("--strict was given: nothing is written");
    expect(existsSync(join(cwd, "out.json"))).toBe(false);
    const json = await run(cwd, "import", "p.yaml", "--strict", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false });
    expect((await run(cwd, "import", "held.yaml", "--strict")).code).toBe(0);
  });

  it.each([
    ["unknown keys", "version: 1\nnetwork: {}", "line 2: network: found an unknown key, expected"],
    ["text that is no YAML", "version: [", "line 1: policy: found a syntax error ("],
  ])("refuses %s", async (_name, text, problem) => {
    const cwd = createWorkspace({ "p.yaml": text });
    const { code, out, err } = await run(cwd, "import", "p.yaml");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`policy not usable: ${cwd}/p.yaml`);
    expect(err).toContain(problem);
    const json = await run(cwd, "import", "p.yaml", "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, source: join(cwd, "p.yaml") });
  });

  it("says when there is no file, a folder, or no text", async () => {
    const cwd = createWorkspace();
    writeFileSync(join(cwd, "bytes.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
    expect((await run(cwd, "import", "bytes.yaml")).err).toContain(
      "found bytes that are not UTF-8, expected UTF-8 text",
    );
    expect((await run(cwd, "import", "none.yaml")).err).toContain(
      "policy: found no such file, expected a readable OpenShell policy (YAML)",
    );
    expect((await run(cwd, "import", ".")).err).toContain("found something that is not a file");
    expect((await run(cwd, "import")).code).toBe(2);
  });
});

describe("sandbox policy export", () => {
  it("prints a policy that the import takes and that means the settings", async () => {
    const cwd = createWorkspace({ "settings.json": SETTINGS });
    const exported = await run(cwd, "export", "-o", "p.yaml");
    expect(exported).toMatchObject({ code: 0, out: "" });
    const text = readFileSync(join(cwd, "p.yaml"), "utf8");
    expect(text).toContain(
      "#   openshell.execution.max_memory_mb: OpenShell's policy has no key for it",
    );
    expect(text.match(/enforcement: enforce/g)).toHaveLength(2);
    const imported = JSON.parse((await run(cwd, "import", "p.yaml", "--json")).out);
    expect(imported.openshell).toMatchObject({
      filesystem: { allowed_paths: ["/workspace", "/tmp"], readonly_paths: ["/app", "/config"] },
      network: {
        mode: "whitelist",
        allowed_domains: ["api.openai.com", "internal-api.company.com"],
      },
    });
    expect((await run(cwd, "export", "--strict")).code).toBe(1);
  });

  it("gives back the policy that the settings name", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY });
    await run(cwd, "import", "p.yaml", "-o", "settings.json");
    const { code, out } = await run(cwd, "export", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      policy: {
        network_policies: {
          api: {
            endpoints: [{ host: "api.example.com", port: 443, access: "read-only" }],
            binaries: [{ path: "/usr/bin/curl" }],
          },
        },
      },
    });
  });

  it("refuses settings that are not usable, and a policy that is gone", async () => {
    const cwd = createWorkspace({
      "settings.json": '{ "openshell": { "policy_file": "p.yaml" } }',
    });
    const gone = await run(cwd, "export");
    expect(gone.code).toBe(2);
    expect(gone.err).toContain(`policy not usable: ${cwd}/p.yaml`);
    const wrong = createWorkspace({ "settings.json": '{ "openshel": {} }' });
    expect((await run(wrong, "export", "--json")).code).toBe(2);
  });
});

describe("sandbox policy explain", () => {
  it("says in words what a policy allows", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY });
    const { code, out } = await run(cwd, "explain", "p.yaml");
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      join(cwd, "p.yaml"),
      "  writes to: /workspace, /tmp (empty at the start, gone after the run)",
      "  reads: nothing and a small system of its own",
      "  reaches: api.example.com, port 443, with requests judged one by one",
      "    allows GET on any path",
      "    allows HEAD on any path",
      "    allows OPTIONS on any path",
      "  not held as written:",
      "    network_policies.api.binaries: Every program of a run may use these endpoints: the network is opened for a run, not for a program.",
      "",
    ]);
    expect((await run(cwd, "explain", "p.yaml", "--strict")).code).toBe(1);
  });

  it("says in words what the settings allow, with the policy that they name", async () => {
    const cwd = createWorkspace({ "settings.json": SETTINGS });
    const { out } = await run(cwd, "explain");
    expect(out).toContain("takes: 300 CPU seconds, 4096 MiB of memory, 10 GiB of disk");
    expect(out).toContain("reaches: api.openai.com, internal-api.company.com");
    expect(out).toContain("never reaches port: 22, 3389");
    const policy = SETTINGS.replace('"isolation"', '"policy_file": "p.yaml", "isolation"');
    const narrowed = createWorkspace({ "settings.json": policy, "p.yaml": POLICY });
    expect((await run(narrowed, "explain")).out).toContain("reaches: nothing");
  });

  it("asks for one of the two", async () => {
    const cwd = createWorkspace({ "p.yaml": POLICY, "settings.json": SETTINGS });
    const both = await run(cwd, "explain", "p.yaml", "--settings", "settings.json");
    expect(both.code).toBe(2);
    expect(both.err).toContain("name a policy file or --settings, not both");
  });
});

describe("the customer's settings", () => {
  it("export to a policy that says their domains and names what it cannot say", async () => {
    const text = readFileSync(join(ROOT, "test/fixtures/settings/full-example.json"), "utf8");
    const { openshell } = JSON.parse(text.replace(/^\s*\/\/.*$/gm, "")) as { openshell: object };
    const cwd = createWorkspace({ "settings.json": JSON.stringify({ openshell }) });
    const { code, out } = await run(cwd, "export", "--json");
    expect(code).toBe(0);
    const { policy, report } = JSON.parse(out);
    expect(
      policy.network_policies.allowed_domains.endpoints.map(({ host }: { host: string }) => host),
    ).toEqual((openshell as { network: { allowed_domains: string[] } }).network.allowed_domains);
    const unsaid = report
      .filter(({ status }: { status: string }) => status === "unenforceable")
      .map(({ path }: { path: string }) => path);
    expect(unsaid).toEqual(
      expect.arrayContaining([
        "openshell.execution.max_cpu_seconds",
        "openshell.execution.max_memory_mb",
        "openshell.network.egress_bandwidth_mbps",
      ]),
    );
  });
});
