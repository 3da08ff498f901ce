import { z } from "zod";
import { later, localPath, text, textLike } from "./marks.ts";

const sandboxPath = () =>
  textLike("absolute path without .., not a system folder", (value) => {
    if (!/^\/[^\0]+$/.test(value) || value.split("/").includes("..")) return false;
    const path = value.replace(/\/+/g, "/").replace(/\/$/, "");
    return path !== "" && !/^\/(usr|proc|dev|etc|sys|bin|sbin|lib|lib64|boot)(\/|$)/.test(path);
  });

const domain = () =>
  textLike("host name, e.g. api.openai.com or *.company.com", (value) =>
    /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(value),
  );

const filesystemSchema = z.strictObject({
  mode: z
    .literal("ephemeral")
    .default("ephemeral")
    .describe("Everything written is gone after a run."),
  max_size_gb: z
    .number()
    .positive()
    .max(1024)
    .default(1)
    .describe("Space in GiB over all writable paths together."),
  allowed_paths: z
    .array(sandboxPath())
    .default(["/workspace", "/tmp"])
    .describe("Writable paths inside the sandbox."),
  readonly_paths: z
    .array(sandboxPath())
    .default(["/app", "/config"])
    .describe("Read-only paths inside the sandbox."),
});

const networkSchema = z.strictObject({
  mode: z
    .enum(["off", "whitelist"])
    .default("off")
    .describe("`off`: no network at all; `whitelist`: only what is listed, through the proxy."),
  allowed_domains: z
    .array(domain())
    .optional()
    .describe("Hosts that may be reached; `*.company.com` = all below it, not it; absent = none."),
  blocked_ports: z
    .array(z.int().min(1).max(65535))
    .optional()
    .describe("Ports that stay closed on every host, listed or not."),
  egress_bandwidth_mbps: z
    .number()
    .positive()
    .optional()
    .describe(
      "Most megabits a second, both ways, for all runs of a tenant together; absent = 100.",
    ),
});

const executionSchema = z.strictObject({
  max_cpu_seconds: z
    .number()
    .positive()
    .max(86_400)
    .default(30)
    .describe("CPU seconds of one run, over all its processes."),
  max_memory_mb: z
    .int()
    .min(16)
    .max(1_048_576)
    .default(512)
    .describe("Memory in MiB of one run, over all its processes."),
  allowed_languages: z
    .array(z.enum(["python", "javascript", "bash"]))
    .default(["python", "javascript", "bash"])
    .describe("Languages that a run may be written in."),
  blocked_commands: z
    .array(text())
    .optional()
    .describe(
      "Commands that a run may not start, e.g. `dd` or `rm -rf /`: refused where the text shows them, absent inside, ended where the engine sees them start. Defence in depth, not the wall.",
    ),
});

const auditSchema = z.strictObject({
  log_all_commands: z.boolean().default(true).describe("Record every program that a run starts."),
  log_network_requests: z
    .boolean()
    .default(true)
    .describe("Record every host that a run asks for; refusals are recorded in any case."),
  log_file_access: z
    .boolean()
    .default(true)
    .describe("Record files that a run opens for writing, and those it reads in `readonly_paths`."),
  export_to: later(text(), (value) => value === "file")
    .default("file")
    .describe("Where the records go beside the file, e.g. `splunk`; `file` = nowhere else."),
});

const hostSchema = z.strictObject({
  address: text().optional().describe("Address to connect to instead of asking DNS."),
  port_map: z
    .record(
      textLike("port", (value) => /^\d{1,5}$/.test(value)),
      z.int().min(1).max(65535),
    )
    .optional()
    .describe("Port to connect to by port asked for."),
  internal: z.boolean().optional().describe("Allows an address in a private range."),
  region: z
    .enum(["on-prem", "cn", "overseas"])
    .optional()
    .describe(
      "Where the host is, for tenants whose data may not go everywhere; absent = on-prem when `internal`, else overseas.",
    ),
});

const gatewaySchema = z.strictObject({
  name: text()
    .optional()
    .describe("Name under which the `openshell` CLI knows the gateway; absent = its active one."),
  image: text().describe("Image of the sandboxes, made as docs/engines.md says."),
  program: textLike("absolute path", (value) => /^\/[^\0]+$/.test(value))
    .optional()
    .describe("The CLI; absent = /usr/local/bin/openshell."),
});

/** The sandbox that skills run in. */
export const openshellSchema = z
  .strictObject({
    isolation: z
      .enum(["gvisor", "bubblewrap", "firecracker", "openshell", "auto"])
      .default("gvisor")
      .describe(
        "Engine; `auto` takes the strongest that passes its self-test. Without an engine skills are off.",
      ),
    strict: z
      .boolean()
      .default(true)
      .describe(
        "Switches skills off rather than run them with a weaker limit than these settings say.",
      ),
    filesystem: filesystemSchema.prefault({}).describe("What a run may write and read."),
    network: networkSchema.prefault({}).describe("What a run may reach."),
    execution: executionSchema.prefault({}).describe("What a run may use."),
    audit: auditSchema.prefault({}).describe("What is recorded of a run."),
    hosts: z
      .record(domain(), hostSchema)
      .optional()
      .describe("Hosts whose address is fixed here; that opens none that is not allowed."),
    policy_file: localPath(text())
      .optional()
      .describe(
        "NVIDIA OpenShell policy (YAML): narrows what `network` opens to its ports and requests.",
      ),
    egress_ca_file: localPath(text())
      .optional()
      .describe("PEM file with the authority of hosts inside the company, trusted inside too."),
    gateway: gatewaySchema
      .optional()
      .describe("NVIDIA OpenShell gateway that runs the jobs when `isolation` is `openshell`."),
  })
  .describe("The sandbox that skills run in.");
