import { availableParallelism } from "node:os";
import type { AuditSink } from "./audit/trail.ts";
import { findCgroups } from "./cgroup/cgroup.ts";
import type {
  EngineName,
  Probe,
  RunRequest,
  RunResult,
  Sandbox,
  SandboxDriver,
  SandboxStatus,
} from "./driver.ts";
import { createBubblewrapDriver } from "./drivers/bubblewrap.ts";
import { createGvisorDriver } from "./drivers/gvisor.ts";
import { createGate } from "./gate.ts";
import { type OpenshellSettings, overlap, pathProblem, requestProblem } from "./policy.ts";
import { createWorkshop, sweepLeftovers, type Workshop } from "./workshop.ts";

/** The `openshell` settings, and where things lie on this machine. */
export interface SandboxOptions extends OpenshellSettings {
  /** Looked into before PATH: `<folder>/usr/bin/runsc`. */
  readonly enginesFolder: string;
  /** Holds what a run needs while it runs; default /run/clawgate. */
  readonly stateFolder?: string;
  /** Takes the record of every run; whoever made it closes it. `none` keeps no record. */
  readonly auditSink: AuditSink | "none";
  /** Whether sandboxes are booted ahead of the runs that need them; for one run it is not worth it. */
  readonly warmPool: "off" | WarmPoolBounds;
  /** Take the word of a probe that another process passed some minutes ago. */
  readonly isProofEnough?: boolean;
  readonly log: SandboxLog;
}

/** How much may be kept booted ahead. */
export interface WarmPoolBounds {
  /** For all waiting sandboxes together; default a share of the memory that is free at the start. */
  readonly memoryBytes?: number;
  /** A sandbox that waited longer is replaced; default 5 minutes. */
  readonly maxAgeMs?: number;
}

/** What the sandbox tells an operator; never the words of a job. */
export interface SandboxLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

// A cold start keeps a core busy for 0.2 s and a run may take all the memory it is allowed: many
// at once would only make each other slow. Tenants take turns; a run's clock starts with its place.
const PARALLEL_RUNS = 2 * availableParallelism();
// One tenant's long runs must not keep every other tenant out.
const RUNS_PER_TENANT = Math.max(1, Math.floor((PARALLEL_RUNS * 3) / 4));

/** Strongest first. */
const ENGINES: readonly EngineName[] = ["gvisor", "bubblewrap"];

/**
 * The sandbox of this gateway. Its self-test starts at once and in the background; when no engine
 * passes it, nothing runs. An engine that was asked for is never replaced by another.
 */
export const createSandbox = (options: SandboxOptions): Sandbox => {
  const closing = new AbortController();
  const running = new Set<Promise<RunResult>>();
  const gate = createGate(PARALLEL_RUNS, RUNS_PER_TENANT);
  const opened = open(options).catch(
    (error: unknown): Opened => ({ status: { ok: false, reason: messageOf(error) } }),
  );
  opened.then(({ status }) => {
    if (!status.ok) options.log.warn({ reason: status.reason }, "no sandbox: skills are off");
  });

  const perform = async (request: RunRequest, signal: AbortSignal): Promise<RunResult> => {
    const { status, driver } = await opened;
    if (!status.ok || driver === undefined) {
      return refused("blocked", "unavailable", status.ok ? "closed" : status.reason);
    }
    const problem = requestProblem(request, options);
    if (problem !== undefined) return refused("blocked", "policy", problem);
    const either = AbortSignal.any([signal, closing.signal]);
    const leave = await gate.enter(request.tenantId, new AbortController().signal);
    try {
      if (either.aborted) return refused("killed", "aborted", "aborted before it started");
      return await runOnce(driver, request, either);
    } catch (error) {
      options.log.warn({ runId: request.runId, error: messageOf(error) }, "sandbox engine failed");
      return refused("killed", "internal", messageOf(error));
    } finally {
      leave();
    }
  };

  return {
    status: async () => (await opened).status,
    async run(request, signal) {
      const result = perform(request, signal);
      running.add(result);
      return result.finally(() => running.delete(result));
    },
    async close() {
      closing.abort();
      await Promise.all(running);
      (await opened).workshop?.close();
    },
  };
};

interface Opened {
  readonly status: SandboxStatus;
  readonly driver?: SandboxDriver;
  readonly workshop?: Workshop;
}

const open = async (options: SandboxOptions): Promise<Opened> => {
  const off = (reason: string): Opened => ({ status: { ok: false, reason } });
  const { isolation, filesystem, enginesFolder, stateFolder = "/run/clawgate" } = options;
  const wanted = isolation === "auto" ? ENGINES : ENGINES.filter((name) => name === isolation);
  if (wanted.length === 0) {
    return off(
      `openshell.isolation ${isolation} has no driver in this version: use gvisor, bubblewrap or auto`,
    );
  }
  const problem = filesystemProblem(filesystem);
  if (problem !== undefined) return off(problem);
  if (process.getuid?.() !== 0) {
    return off(
      "the gateway does not run as root, which the sandbox needs: start it as root, e.g. with sudo",
    );
  }
  const cgroups = findCgroups();
  await sweepLeftovers(stateFolder, cgroups).catch((error: unknown) => {
    // They cost memory and hurt nothing; new runs have names of their own.
    options.log.warn({ error: messageOf(error) }, "leftovers of an earlier gateway stay");
  });
  const workshop = createWorkshop(stateFolder, cgroups, filesystem);
  const problems: string[] = [];
  for (const name of wanted) {
    const driver =
      name === "gvisor"
        ? createGvisorDriver(workshop, { enginesFolder })
        : createBubblewrapDriver(workshop);
    const probe = await driver.probe();
    if (probe.ok) return { status: describe(name, probe), driver, workshop };
    problems.push(`${name}: ${probe.reason}`);
  }
  workshop.close();
  return off(problems.join("; "));
};

const describe = (engine: EngineName, probe: Probe & { ok: true }): SandboxStatus => ({
  ok: true,
  engine,
  strength: probe.strength,
  version: probe.version,
  isolation: `${engine === "gvisor" ? "gVisor" : "bubblewrap"} ${probe.version}, ${probe.platform}`,
});

const filesystemProblem = (filesystem: OpenshellSettings["filesystem"]): string | undefined => {
  const paths = [...filesystem.allowed_paths, ...filesystem.readonly_paths];
  for (const [index, path] of paths.entries()) {
    const problem = pathProblem(path);
    if (problem !== undefined) return `openshell.filesystem: ${path} ${problem}`;
    const other = paths.slice(0, index).find((earlier) => overlap(earlier, path));
    if (other !== undefined) return `openshell.filesystem: ${path} and ${other} overlap`;
  }
  return undefined;
};

/** A slot is used once and always destroyed, whatever happens. */
const runOnce = async (
  driver: SandboxDriver,
  request: RunRequest,
  signal: AbortSignal,
): Promise<RunResult> => {
  const slot = await driver.prepare(request);
  try {
    return await driver.dispatch(slot, { request, observe: () => "go on", lost: () => {} }, signal);
  } finally {
    await driver.destroy(slot);
  }
};

const refused = (
  verdict: "blocked" | "killed",
  reason: NonNullable<RunResult["reason"]>,
  detail: string,
): RunResult => ({
  verdict,
  reason,
  detail,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  isTruncated: false,
  outputs: [],
  usage: { wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 },
});

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
