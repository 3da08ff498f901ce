import { describe, expect, it } from "vitest";
import type { OpenshellSettings } from "../../../sandbox/policy.ts";
import { exportPolicy } from "../../../sandbox/policy-file/export.ts";
import { interpret } from "../../../sandbox/policy-file/interpret.ts";
import { readPolicy } from "../../../sandbox/policy-file/read.ts";
import { writePolicy } from "../../../sandbox/policy-file/write.ts";
import { readText, withEndpoints } from "./policy-text.ts";

const SETTINGS: OpenshellSettings = {
  isolation: "gvisor",
  strict: true,
  filesystem: {
    max_size_gb: 10,
    allowed_paths: ["/workspace", "/tmp"],
    readonly_paths: ["/app", "/config"],
  },
  network: {
    mode: "whitelist",
    allowed_domains: ["api.openai.com", "*.company.com"],
    blocked_ports: [22, 80],
    egress_bandwidth_mbps: 100,
  },
  execution: {
    max_cpu_seconds: 300,
    max_memory_mb: 4096,
    allowed_languages: ["python"],
    blocked_commands: ["dd"],
  },
  audit: { log_all_commands: true, export_to: "splunk" },
  hosts: { "a.company.com": { internal: true } },
  egress_ca_file: "/ca.pem",
};

const statusOf = (settings: OpenshellSettings, path: string) =>
  exportPolicy(settings).findings.find((finding) => finding.path === path)?.status;

describe("settings without a policy", () => {
  it("become a policy that opens their domains, enforced, to the interpreters", () => {
    expect(exportPolicy(SETTINGS).document).toEqual({
      version: 1,
      landlock: { compatibility: "hard_requirement" },
      filesystem_policy: {
        include_workdir: true,
        read_only: [
          "/usr",
          "/bin",
          "/lib",
          "/lib64",
          "/etc",
          "/proc",
          "/dev/urandom",
          "/app",
          "/config",
        ],
        read_write: ["/workspace", "/tmp", "/dev/null"],
      },
      network_policies: {
        allowed_domains: {
          endpoints: [
            { host: "api.openai.com", ports: [443], enforcement: "enforce" },
            { host: "**.company.com", ports: [443], enforcement: "enforce" },
          ],
          binaries: [{ path: "/usr/bin/python3*" }, { path: "/usr/local/bin/python3*" }],
        },
      },
    });
  });

  it("mean the same when the policy is imported again", () => {
    const { document } = exportPolicy(SETTINGS);
    const { filesystem, network } = interpret(
      readPolicy(writePolicy(document, ["x"]), "p"),
    ).settings;
    expect(filesystem.allowed_paths).toEqual(SETTINGS.filesystem.allowed_paths);
    expect(filesystem.readonly_paths).toEqual(SETTINGS.filesystem.readonly_paths);
    expect(network.mode).toBe("whitelist");
    expect(network.allowed_domains).toEqual(SETTINGS.network.allowed_domains);
  });

  it.each([
    "isolation",
    "filesystem.max_size_gb",
    "network.egress_bandwidth_mbps",
    "execution.max_cpu_seconds",
    "execution.max_memory_mb",
    "execution.allowed_languages",
    "execution.blocked_commands",
    "audit.log_all_commands",
    "audit.export_to",
    'hosts["a.company.com"]',
    "egress_ca_file",
  ])("say that a policy has no word for %s", (key) => {
    expect(statusOf(SETTINGS, `openshell.${key}`)).toBe("unenforceable");
  });

  it("open nothing when the network is off, or every port is blocked", () => {
    const off: OpenshellSettings = { ...SETTINGS, network: { ...SETTINGS.network, mode: "off" } };
    expect(exportPolicy(off).document.network_policies).toEqual({});
    const blocked = { ...SETTINGS.network, blocked_ports: [80, 443] };
    expect(exportPolicy({ ...SETTINGS, network: blocked }).document.network_policies).toEqual({});
  });

  it("leave out a wildcard that OpenShell does not take", () => {
    const network = { mode: "whitelist" as const, allowed_domains: ["*.com"] };
    const { document, findings } = exportPolicy({ ...SETTINGS, network });
    expect(document.network_policies).toEqual({});
    expect(findings).toContainEqual({
      path: "openshell.network.allowed_domains[0]",
      status: "unenforceable",
      why: "*.com has no form that OpenShell takes, so it is left out.",
    });
  });
});

describe("settings with a policy", () => {
  const text = withEndpoints(
    '{ host: "**.company.com", ports: [443, 8443] }',
    "{ host: api.openai.com, port: 443, protocol: rest, access: read-only }",
    "{ host: db.company.com, port: 5432, protocol: tcp }",
  );
  const rules = (network: OpenshellSettings["network"]) =>
    exportPolicy({ ...SETTINGS, network }, readText(text)).document.network_policies?.r?.endpoints;

  it("take a host, a port and a part of a wildcard out of it, and leave the rest", () => {
    expect(
      rules({ mode: "whitelist", allowed_domains: ["a.company.com"], blocked_ports: [8443] }),
    ).toEqual([
      { host: "a.company.com", port: 443, enforcement: "enforce" },
      { host: "db.company.com", port: 5432, protocol: "tcp" },
    ]);
  });

  it("take all of it out when they switch the network off", () => {
    expect(rules({ mode: "off" })).toBeUndefined();
  });

  it("add no host that it does not open", () => {
    const allowed_domains = ["*.company.com", "api.openai.com", "evil.example"];
    const hosts = rules({ mode: "whitelist", allowed_domains })?.map(({ host }) => host);
    expect(hosts).toEqual(["**.company.com", "api.openai.com", "db.company.com"]);
  });

  it("change only the folders that differ", () => {
    const document = readText(
      "version: 1\nfilesystem_policy: { include_workdir: true, read_only: [/usr, /app/, /old], read_write: [/tmp, /dev/null] }",
    );
    const filesystem = {
      max_size_gb: 1,
      allowed_paths: ["/tmp", "/new"],
      readonly_paths: ["/app"],
    };
    expect(exportPolicy({ ...SETTINGS, filesystem }, document).document.filesystem_policy).toEqual({
      include_workdir: false,
      read_only: ["/usr", "/app/"],
      read_write: ["/tmp", "/dev/null", "/new"],
    });
  });
});
