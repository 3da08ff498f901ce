import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseConnections } from "../../sandbox/drivers/openshell/logs.ts";
import { sandboxName } from "../../sandbox/drivers/openshell/sandboxes.ts";
import { describeSandboxDriver } from "../contract/sandbox-driver.ts";
import { installFakeOpenshell } from "../fakes/openshell-cli/install.ts";
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
  openshellGateway: installFake().options,
});

describe.skipIf(!isRoot)("an OpenShell gateway", () => {
  const fake = installFake();
  let box: TestSandbox;
  beforeAll(async () => {
    box = openTestSandbox("openshell", { strict: false, openshellGateway: fake.options });
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
      ...{ strict: false, network, openshellGateway: fake.options },
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
    const gateway = { ...fake.options, program: "/nonexistent/openshell" };
    const absent = openTestSandbox("openshell", { strict: false, openshellGateway: gateway });
    try {
      const status = await absent.sandbox.status();
      expect(status).toMatchObject({ ok: false });
      if (!status.ok) expect(status.reason).toContain("cannot run /nonexistent/openshell");
    } finally {
      await absent.close();
    }
  });

  it("is refused by strict settings, since it cannot hold them all", async () => {
    const strict = openTestSandbox("openshell", { openshellGateway: fake.options });
    try {
      const status = await strict.sandbox.status();
      expect(status).toMatchObject({ ok: false });
      if (!status.ok) expect(status.reason).toContain("openshell.execution.max_memory_mb");
    } finally {
      await strict.close();
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
