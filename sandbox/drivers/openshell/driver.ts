import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Probe, RunRequest, RunResult, SandboxDriver, Slot } from "../../driver.ts";
import { messageOf, SandboxError } from "../../errors.ts";
import { mountsFor } from "../../mounts.ts";
import { collectOutputs } from "../../outputs.ts";
import { withoutRun } from "../../refusal.ts";
import type { Workshop } from "../../workshop.ts";
import { processesIn } from "../processes.ts";
import { jobEnvironment } from "../run-job.ts";
import { selfTest } from "../self-test.ts";
import { placeOf, RUN_FOLDER, startCommand, writeBundle } from "./bundle.ts";
import { type CliOptions, createCli } from "./cli.ts";
import { judge } from "./judge.ts";
import { parseConnections } from "./logs.ts";
import { createSandboxes, type Lease } from "./sandboxes.ts";

/** A real OpenShell gateway, and how its sandboxes are made. */
export interface OpenshellOptions extends CliOptions {
  /** `[a-z0-9-]`; the same at each start, other for whoever else uses the same OpenShell gateway. */
  readonly owner: string;
  /** Made by the recipe in docs/engines.md. */
  readonly image: string;
  /** The policy, in OpenShell's own YAML, under which a run with this way out may be. */
  policyYaml(egress: RunRequest["egress"]): string;
}

// What the CLI has no word for, and what the gateway's compute driver may or may not hold.
const UNENFORCED = [
  "openshell.filesystem.max_size_gb",
  "openshell.filesystem.readonly_paths",
  "openshell.network.egress_bandwidth_mbps",
  "openshell.network.blocked_ports",
  "openshell.hosts",
  "openshell.egress_ca_file",
  "openshell.execution.max_cpu_seconds",
  "openshell.execution.max_memory_mb",
  "openshell.execution.blocked_commands",
  "openshell.audit.log_all_commands",
  "openshell.audit.log_file_access",
  "limits.pids", // the kernel counts those of all sandboxes of the image's user on a machine
];
const STRENGTH = { wall: "namespaces and system call filter", unenforced: UNENFORCED } as const;
const TRANSFER_MS = 120_000;
const TALK_MS = 30_000;
const LOG_LINES = 1000;
const OUTPUT_KIB = 64 << 10;
/** Beside the job's: our marks, and what the CLI itself may say. */
const SPARE_BYTES = 256;

/**
 * Runs jobs in the long-lived sandboxes of an NVIDIA OpenShell gateway: one for each tenant and class,
 * one run at a time, emptied between. @see https://github.com/NVIDIA/OpenShell
 */
export const createOpenshellDriver = (
  workshop: Workshop,
  options: OpenshellOptions,
): SandboxDriver => {
  const cli = createCli(options);
  const { owner, image, policyYaml } = options;
  const folder = workshop.createFolder(`openshell-${randomBytes(4).toString("hex")}`, 0);
  const sandboxes = createSandboxes({ cli, owner, image, folder });
  const leases = new Map<string, Lease>();

  const perform = async (
    lease: Lease,
    slot: Slot,
    request: RunRequest,
    signal: AbortSignal,
  ): Promise<RunResult> => {
    await lease.usePolicy(policyYaml(request.egress));
    const { writable, empty, home } = mountsFor(workshop, slot.spec);
    const mark = randomBytes(16).toString("hex");
    const local = join(folder, slot.id);
    const bundle = join(local, "root");
    const env = {
      ...jobEnvironment(home),
      // Or bash would make it the place that the image's link leads to.
      ...(request.language === "bash" ? { PWD: home } : {}),
      ...request.env,
    };
    mkdirSync(local, { mode: 0o700 });
    writeBundle(bundle, request, { writable, empty }, env, mark);
    await cli.expect(
      ["sandbox", "upload", lease.name, bundle, RUN_FOLDER, "--no-git-ignore"],
      TRANSFER_MS,
    );
    const { language, limits } = request;
    const startedAt = performance.now();
    const call = await cli.call(
      [
        ...["sandbox", "exec", "--name", lease.name, "--workdir", RUN_FOLDER, "--no-tty"],
        ...["--timeout", String(Math.ceil(limits.wallMs / 1000) + 1), "--"],
        ...startCommand(home, limits.cpuMs, processesIn({ language, limits })),
      ],
      {
        timeoutMs: limits.wallMs,
        bootMs: TALK_MS,
        outputBytes: limits.outputBytes + SPARE_BYTES,
        signal,
      },
    );
    const wallMs = performance.now() - startedAt;
    const result = judge(call, mark, limits.outputBytes, wallMs);
    if (request.outputs === undefined || result.reason === "internal") return result;
    const { files, isTruncated } = await download(lease, home, request.outputs, local);
    return { ...result, outputs: files, isTruncated: result.isTruncated || isTruncated };
  };

  const download = async (lease: Lease, home: string, name: string, local: string) => {
    const place = `${placeOf(home)}/${name}`;
    const measure = await cli.call(
      [
        "sandbox",
        "exec",
        "--name",
        lease.name,
        "--no-tty",
        "--",
        "/usr/bin/du",
        "-s",
        "-k",
        "--apparent-size",
        "--",
        place,
      ],
      { timeoutMs: TALK_MS, outputBytes: 4096 },
    );
    if (measure.code !== 0) return { files: [], isTruncated: false }; // the job made none
    const kib = Number(/^\d+/.exec(measure.stdout.toString())?.[0]);
    if (!(kib <= OUTPUT_KIB)) return { files: [], isTruncated: true };
    const arrivals = join(local, "arrivals");
    mkdirSync(join(arrivals, dirname(name)), { recursive: true, mode: 0o700 });
    await cli.expect(["sandbox", "download", lease.name, place, join(arrivals, name)], TRANSFER_MS);
    return collectOutputs(arrivals, name);
  };

  const tell = async (lease: Lease, since: number, observe: (log: string) => void) => {
    const seconds = Math.ceil((Date.now() - since) / 1000) + 1;
    const words = ["logs", lease.name, "-n", String(LOG_LINES), "--since", `${seconds}s`];
    observe(await cli.expect([...words, "--source", "sandbox"], TALK_MS));
  };

  const driver: SandboxDriver = {
    name: "openshell",
    idleBytes: 0,
    async probe(known): Promise<Probe> {
      if (known !== undefined) return known;
      try {
        const version = /\d+\.\d+\S*/.exec(await cli.expect(["--version"], TALK_MS))?.[0];
        if (version === undefined)
          return { ok: false, reason: "openshell does not say its version" };
        await cli.expect(["status"], TALK_MS);
        await sandboxes.sweep();
        const problem = await selfTest(usedOnce, { hasMemoryLimit: false });
        if (problem !== undefined) return { ok: false, reason: problem };
        const strength = { ...STRENGTH, sees: ["connect"] as const };
        return { ok: true, version, platform: "OpenShell gateway", strength };
      } catch (error) {
        return { ok: false, reason: messageOf(error) };
      }
    },

    async prepare(spec) {
      const egress = spec.wayOut === undefined ? "none" : "settings";
      const lease = await sandboxes.lease({
        tenantId: spec.tenantId,
        memoryBytes: spec.limits.memoryBytes,
        policyYaml: policyYaml(egress),
      });
      const slot: Slot = {
        id: randomBytes(8).toString("hex"),
        spec,
        ended: new AbortController().signal,
      };
      leases.set(slot.id, lease);
      return slot;
    },

    async dispatch(slot, run, signal) {
      const lease = leases.get(slot.id);
      if (lease === undefined) throw new SandboxError("slot is not prepared");
      const { request } = run;
      if (request.credentials.length > 0) {
        const why =
          "the openshell engine cannot place credentials: attach a provider to the gateway";
        return withoutRun("blocked", "policy", why);
      }
      if (signal.aborted) return withoutRun("killed", "aborted", "aborted before it started");
      const since = Date.now();
      const result = await perform(lease, slot, request, signal).catch((error: unknown) =>
        withoutRun("killed", "internal", messageOf(error)),
      );
      if (result.reason === "internal") lease.condemn();
      else if (request.egress !== "none") {
        await tell(lease, since, (log) => {
          for (const seen of parseConnections(log)) run.observe(seen);
        }).catch(() => run.lost(1));
      }
      return result;
    },

    async destroy(slot) {
      const lease = leases.get(slot.id);
      if (lease === undefined) return;
      leases.delete(slot.id);
      rmSync(join(folder, slot.id), { recursive: true, force: true });
      await lease.giveBack();
    },

    close: () => sandboxes.close(),
  };

  /** For the self-test, whose sandbox nobody comes back to. */
  const usedOnce: Pick<SandboxDriver, "prepare" | "dispatch" | "destroy"> = {
    ...driver,
    async destroy(slot) {
      leases.get(slot.id)?.condemn();
      await driver.destroy(slot);
    },
  };
  return driver;
};
