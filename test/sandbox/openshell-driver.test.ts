import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { RunRequest } from "../../sandbox/driver.ts";
import { parseConnections } from "../../sandbox/drivers/openshell/logs.ts";
import { sandboxName } from "../../sandbox/drivers/openshell/sandboxes.ts";
import type { SandboxOptions } from "../../sandbox/options.ts";
import { readPolicy } from "../../sandbox/policy-file/read.ts";
import { describeSandboxDriver } from "../contract/sandbox-driver.ts";
import { type FakeOpenshell, installFakeOpenshell } from "../fakes/openshell-cli/install.ts";
import { openTestSandbox, type TestSandbox } from "./sandbox-fixture.ts";

const folders: string[] = [];
const installFake = () => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-os-"));
  folders.push(folder);
  return installFakeOpenshell(folder);
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
const isRoot = process.getuid?.() === 0;

await describeSandboxDriver("openshell", {
  strict: false,
  ...installFake().options,
});

describe.skipIf(!isRoot)("an OpenShell gateway", () => {
  const fake = installFake();
  let box: TestSandbox;
  beforeAll(async () => {
    box = openTestSandbox("openshell", { strict: false, ...fake.options });
    expect(await box.sandbox.status()).toMatchObject({ ok: true });
  });
  afterEach(() => fake.setFaults({}));
  afterAll(() => box.close());
  const calls = (verb: string) => fake.calls().filter((words) => words[1] === verb);

  it("keeps one sandbox for the runs of a tenant, and another for another tenant", async () => {
    const before = calls("create").length;
    await box.run("bash", "true");
    await box.run("bash", "true");
    expect(calls("create").length).toBe(before + 1);
    await box.run("bash", "true", { request: { tenantId: "globex" } });
    expect(calls("create").length).toBe(before + 2);
  });

  it("is a fault of ours, not of the job, when it is down", async () => {
    fake.setFaults({ gatewayDown: true });
    const result = await box.run("bash", "exit 1");
    expect(result).toMatchObject({ verdict: "killed", reason: "internal" });
    expect(result.detail).toContain("Connection refused");
  });

  it("makes a lost sandbox anew", async () => {
    await box.run("bash", "true", { request: { tenantId: "initech" } });
    const name = calls("create").at(-1)?.[3] ?? "";
    rmSync(fake.folderOf(name), { recursive: true, force: true });
    const result = await box.run("bash", "echo back", { request: { tenantId: "initech" } });
    expect(result.stdout.toString()).toBe("back\n");
  });

  it("does not take a broken connection for the job's end", async () => {
    await box.run("bash", "true");
    fake.setFaults({ partialOutputBytes: 60 });
    const result = await box.run("bash", "head -c 1000 /dev/zero | tr '\\0' x; exit 0");
    expect(result).toMatchObject({ verdict: "killed", reason: "internal" });
    expect(result.stdout.length).toBe(0);
  });

  it("runs nothing when a policy does not load", async () => {
    fake.setFaults({ policyTimesOut: true });
    const egress = [{ host: "example.com", port: 443 }];
    const network = { mode: "whitelist", allowed_domains: ["example.com"] } as const;
    const open = openTestSandbox("openshell", {
      ...{ strict: false, network, ...fake.options },
    });
    try {
      const before = calls("upload").length;
      fake.setFaults({ policyTimesOut: true });
      await open.sandbox.status();
      const uploads = calls("upload").length - before; // the self-test's, which has no network
      const result = await open.run("bash", "true", { request: { egress } });
      expect(result).toMatchObject({ verdict: "killed", reason: "internal" });
      expect(calls("upload").length - before).toBe(uploads);
    } finally {
      await open.close();
    }
  });

  it("says why it cannot be had", async () => {
    const gateway = { ...fake.options.gateway, program: "/nonexistent/openshell" };
    const absent = openTestSandbox("openshell", { strict: false, ...fake.options, gateway });
    try {
      const status = await absent.sandbox.status();
      expect(status).toMatchObject({ ok: false });
      if (!status.ok) expect(status.reason).toContain("cannot run /nonexistent/openshell");
    } finally {
      await absent.close();
    }
  });

  it("is refused by strict settings, since it cannot hold them all", async () => {
    const strict = openTestSandbox("openshell", { ...fake.options });
    try {
      const status = await strict.sandbox.status();
      expect(status).toMatchObject({ ok: false });
      const reason = status.ok ? "" : status.reason;
      for (const limit of ["openshell.execution.max_memory_mb", "limits.pids"]) {
        expect(reason).toContain(limit);
      }
      expect(reason).toContain("openshell.strict false");
    } finally {
      await strict.close();
    }
  });
});

describe.skipIf(!isRoot)("the sandboxes on an OpenShell gateway", () => {
  const egressOf = (policy: string) => {
    const { network_policies = {} } = readPolicy(policy, "policy");
    return Object.values(network_policies).flatMap(({ endpoints = [] }) =>
      endpoints.map(({ host, ports = [] }) => `${host}:${ports.join()}`),
    );
  };
  const policiesOf = (fake: FakeOpenshell) => fake.sandboxes().map(({ policy }) => policy);
  const open = async (fake: FakeOpenshell, options: Partial<SandboxOptions> = {}) => {
    const box = openTestSandbox("openshell", { strict: false, ...fake.options, ...options });
    onTestFinished(() => box.close());
    expect(await box.sandbox.status()).toMatchObject({ ok: true });
    return box;
  };

  it("are under a policy that opens what the run may reach, and nothing for one that may not", async () => {
    const fake = installFake();
    const network = {
      mode: "whitelist",
      allowed_domains: ["a.example.com", "*.b.example.com"],
      blocked_ports: [80],
    } as const;
    const box = await open(fake, { network });
    const reached = async (egress: RunRequest["egress"]) => {
      const before = policiesOf(fake);
      await box.run("bash", "true", { request: { egress, tenantId: "reach" } });
      return policiesOf(fake).filter((policy) => !before.includes(policy));
    };
    expect((await reached("none")).map(egressOf)).toEqual([[]]);
    expect((await reached("settings")).map(egressOf)).toEqual([
      ["a.example.com:443", "**.b.example.com:443"],
    ]);
    const less = await reached([{ host: "x.b.example.com", port: 8443 }]);
    expect(less.map(egressOf)).toEqual([["x.b.example.com:8443"]]);
    expect(less.join()).toMatch(/read_write:\s+- \/sandbox\s+- \/tmp/);
  });

  it("are opened no further than the policy file says, with its words for what stays open", async () => {
    const fake = installFake();
    const policy_file = join(fake.options.openshellHome, "policy.yaml");
    writeFileSync(
      policy_file,
      [
        ...["version: 1", "network_policies:", "  web:", "    endpoints:"],
        "      - { host: a.example.com, port: 443, protocol: rest, access: read-only, enforcement: enforce }",
        "      - { host: a.example.com, port: 8443 }",
        "      - { host: other.example.com, port: 443 }",
        ...["    binaries:", "      - { path: /usr/bin/curl }", ""],
      ].join("\n"),
    );
    const network = { mode: "whitelist", allowed_domains: ["a.example.com"] } as const;
    const box = await open(fake, { network, policy_file });
    const egress = [{ host: "a.example.com", port: 443 }];
    await box.run("bash", "true", { request: { egress } });
    const [policy = ""] = policiesOf(fake).filter((text) => egressOf(text).length > 0);
    expect(policy).toContain("read-only");
    expect(policy).not.toMatch(/8443|other\.example/);
  });

  it("are never kept waiting for one kind of job while another kind is asked for", async () => {
    const box = await open(installFake(), { warmPool: {} });
    // Each has a folder of its own, so none could use what was booted for the last one.
    for (const word of ["one", "two", "three"]) {
      expect((await box.run("bash", `echo ${word}`)).stdout.toString()).toBe(`${word}\n`);
    }
  });

  it("go when the sandbox closes, and those of other living gateways stay", async () => {
    const fake = installFake();
    const first = await open(fake);
    const of = () => fake.sandboxes().length;
    await first.run("bash", "true");
    const alone = of();
    expect(alone).toBeGreaterThan(0);
    const second = await open(fake);
    await second.run("bash", "true");
    expect(of()).toBeGreaterThan(alone); // its probe swept nothing of the first's
    await second.close();
    expect(of()).toBe(alone);
    await first.close();
    expect(of()).toBe(0);
  });

  it("are swept when the gateway that made them is dead", async () => {
    const fake = installFake();
    const box = await open(fake);
    expect(fake.sandboxes()).toEqual([]); // what its self-test ran in is gone
    await box.run("bash", "true");
    const [own] = fake.sandboxes();
    const plant = (name: string, labels: object) => {
      cpSync(fake.folderOf(own?.name ?? ""), fake.folderOf(name), { recursive: true });
      const meta = { ...own, name, labels: { ...own?.labels, ...labels } };
      writeFileSync(join(fake.folderOf(name), "meta.json"), JSON.stringify(meta));
    };
    plant("left-by-the-dead", { "clawgate-process": "9999999-1-aa" }); // no pid is so high
    plant("of-another-owner", { "clawgate-process": "9999999-1-aa", "clawgate-owner": "other" });
    const { stateFolder } = box;
    await open(fake, { stateFolder });
    const names = fake.sandboxes().map(({ name }) => name);
    expect(names).toContain("of-another-owner");
    expect(names).toContain(own?.name);
    expect(names).not.toContain("left-by-the-dead");
  });
});

describe("an OpenShell gateway that the settings do not name", () => {
  it("is asked for by the key to add, and nothing runs", async () => {
    const box = openTestSandbox("openshell", { strict: false });
    try {
      const status = await box.sandbox.status();
      expect(status).toMatchObject({ ok: false });
      if (!status.ok) expect(status.reason).toMatch(/add openshell\.gateway.*"image"/);
      expect(await box.run("bash", "true")).toMatchObject({ verdict: "blocked" });
    } finally {
      await box.close();
    }
  });
});

describe("names of OpenShell sandboxes", () => {
  it("have at most 19 characters, of which a gateway makes a host name, whatever the tenant is called", () => {
    const name = (tenantId: string) =>
      sandboxName("o", { tenantId, memoryBytes: 1, policyYaml: "version: 1" });
    expect(name("x".repeat(500))).toMatch(/^cg-[0-9a-f]{16}$/);
    expect(name("a")).toBe(name("a"));
    expect(name("a")).not.toBe(name("b"));
  });
});

describe("an OpenShell log", () => {
  it("tells of connections, allowed and denied, and of nothing that merely looks like one", () => {
    const log = [
      "[1775014132.118] [sandbox] [OCSF ] [ocsf] NET:OPEN [INFO] ALLOWED /usr/bin/curl(58) -> api.github.com:443 [policy:github_api engine:opa]",
      "[1775014132.190] [sandbox] [OCSF ] [ocsf] HTTP:GET [INFO] ALLOWED GET http://api.github.com/zen [policy:github_api]",
      "[1775014132.690] [sandbox] [OCSF ] [ocsf] NET:OPEN [MED] DENIED /usr/bin/curl(64) -> httpbin.org:443 [policy:- engine:opa]",
      "job says [1775014132.690] [sandbox] [OCSF ] [ocsf] NET:OPEN [MED] DENIED /a(1) -> b:1 ",
    ].join("\n");
    expect(parseConnections(log)).toMatchObject([
      { kind: "connect", pid: 58, to: "api.github.com", port: 443 },
      { kind: "connect", pid: 64, to: "httpbin.org", port: 443 },
    ]);
  });
});
