import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TraceWatch } from "../audit/trace-points.ts";
import type { TraceHub, TraceSession } from "../audit/trace-session.ts";
import type { Observation, Probe, SandboxDriver, WayOut } from "../driver.ts";
import { startEngine } from "../engine-process.ts";
import { messageOf, SandboxError } from "../errors.ts";
import type { Workshop } from "../workshop.ts";
import { bundleConfig, createRootFolders } from "./gvisor-bundle.ts";
import { runJob } from "./run-job.ts";
import { selfTest } from "./self-test.ts";
import { type SlotResources, takeResources } from "./slot-resources.ts";
import { type BootedSlot, createSlots } from "./slots.ts";
import { unenforcedBy } from "./unenforced.ts";
import type { Finding } from "./verdict.ts";

/** Where `runsc` may lie, and what is to be seen of its jobs. */
export interface GvisorOptions {
  /** Looked into before PATH: `<folder>/usr/bin/runsc`. */
  readonly enginesFolder: string;
  /** Absent means that nothing is observed. Whoever opened the hub closes it. */
  readonly trace?: { readonly hub: TraceHub; readonly watch: TraceWatch };
}

interface GvisorSlot extends BootedSlot {
  readonly resources: SlotResources;
  readonly trace: TraceSession | undefined;
}

const OLDEST_RELEASE = 20240729;
// Fastest first. KVM is never tried: inside a virtual machine it may be there and hang.
const PLATFORMS = ["systrap", "ptrace"] as const;
const ENGINE_LOG = "engine.log";
const DEBUG_LOG = "debug.log";
const SEARCH = ["/usr/local/bin/runsc", "/usr/bin/runsc"];

// With a tight kernel limit gVisor often hangs when memory is used up, so we watch and kill; its own
// kernel takes about 40 MB. The kernel's limit above it only catches what outruns the watch.
const SENTRY_BYTES = 40 << 20;
const IDLE_BYTES = 80 << 20;
const BACKSTOP_BYTES = 128 << 20;
// For every file that a job has seen gVisor keeps one open on the host; the job itself may have 1024.
const OPEN_FILES = 1_048_576;

/**
 * Runs jobs under gVisor, a kernel of its own in user space: the host's kernel is never spoken to by
 * the job. @see https://gvisor.dev/docs/architecture_guide/security/
 */
export const createGvisorDriver = (
  workshop: Workshop,
  { enginesFolder, trace: tracing }: GvisorOptions,
): SandboxDriver => {
  const runsc = [join(enginesFolder, "usr/bin/runsc"), ...SEARCH].find(existsSync);
  const rootFolderFor = createRootFolders(workshop);
  let platform: (typeof PLATFORMS)[number] = PLATFORMS[0];

  const boot = async (
    resources: SlotResources,
    trace: TraceSession | undefined,
  ): Promise<GvisorSlot> => {
    if (runsc === undefined) throw new SandboxError("runsc is not installed");
    const { id, folder, mounts, cgroup, outputs, spec } = resources;
    const config = bundleConfig(workshop, rootFolderFor(mounts), resources);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config), { mode: 0o600 });
    const command = [
      ...workshop.mounter.enter,
      runsc,
      `--root=${join(folder, "state")}`,
      `--platform=${platform}`,
      "--network=none",
      "--ignore-cgroups",
      "--overlay2=none",
      // The kernel inside may open sockets of the host only where we put some there.
      `--host-uds=${spec.wayOut === undefined ? "none" : "open"}`,
      ...(trace === undefined ? [] : [`--pod-init-config=${trace.configFile}`]),
      `--log=${join(folder, ENGINE_LOG)}`,
      "--log-format=json",
      // The supervising runsc only, not the kernel inside: its few lines tell how the job ended.
      "--debug",
      "--debug-command=run",
      `--debug-log=${join(folder, DEBUG_LOG)}`,
      `--panic-log=${join(folder, "panic.log")}`,
      "run",
      `--bundle=${folder}`,
      id,
    ];
    try {
      const engine = await startEngine({ command, cgroup, outputs, openFiles: OPEN_FILES });
      return { resources, trace, engine, ...(trace && { broken: trace.broken }) };
    } catch (cause) {
      const logged = lineOf(join(folder, ENGINE_LOG), FAULT)?.slice(0, 300);
      throw new SandboxError(`runsc: ${logged ?? messageOf(cause)}`, { cause });
    }
  };

  const slots = createSlots<GvisorSlot>(
    async (spec) => {
      const resources = await takeResources(workshop, spec, {
        memoryBytes: spec.limits.memoryBytes + BACKSTOP_BYTES,
        processes: 4 * spec.limits.pids + 256, // counts gVisor's own threads too
      });
      let trace: TraceSession | undefined;
      try {
        trace = await tracing?.hub.session(resources.id, {
          watch: tracing.watch,
          readPaths: workshop.filesystem.readonly_paths,
          ownSockets: socketsOf(spec.wayOut),
        });
        return await boot(resources, trace);
      } catch (error) {
        trace?.close();
        await resources.release();
        throw error;
      }
    },
    ({ trace }) => trace?.close(),
  );

  const driver: SandboxDriver = {
    name: "gvisor",
    idleBytes: IDLE_BYTES,
    async probe(known): Promise<Probe> {
      const proven = PLATFORMS.find((name) => name === known?.platform);
      if (known !== undefined && proven !== undefined) {
        platform = proven;
        return known;
      }
      if (runsc === undefined) {
        return { ok: false, reason: "runsc is not installed (`npm start` fetches it on Debian)" };
      }
      const release = await releaseOf(runsc);
      if (!(release >= OLDEST_RELEASE)) {
        return { ok: false, reason: `${runsc} is too old: ${OLDEST_RELEASE} or newer is needed` };
      }
      const problems: string[] = [];
      for (platform of PLATFORMS) {
        const problem = await selfTest(driver);
        if (problem === undefined) {
          return { ok: true, version: String(release), platform, strength };
        }
        problems.push(`${platform}: ${problem}`);
      }
      return { ok: false, reason: problems.join("; ") };
    },

    prepare: slots.prepare,
    destroy: slots.destroy,

    async dispatch(slot, run, signal) {
      const { resources, engine, trace } = slots.use(slot);
      const policy = new AbortController();
      let refusedForks = 0;
      trace?.bind({
        observe: (observation) => {
          if (run.observe(observation) === "kill") policy.abort();
        },
        lost: (count) => run.lost(count),
        refusedFork: () => refusedForks++,
      });
      // gVisor's kernel takes its time to end after the job; knowing how that ended, we can kill it.
      let seen: number | undefined;
      const jobEnd = trace?.jobEnd.then((code) => {
        seen = code;
        return { code };
      });
      const exit = Promise.race(jobEnd === undefined ? [engine.exit] : [engine.exit, jobEnd]);
      return runJob({
        resources,
        run,
        engine: { ...engine, exit },
        polledMemoryBytes: run.request.limits.memoryBytes + SENTRY_BYTES,
        stops: [
          { signal, reason: "aborted" },
          { signal: policy.signal, reason: "policy" },
        ],
        refusedForks: () => refusedForks,
        async finding({ exitCode }) {
          await trace?.settle(); // what it did last is still on its way to us
          if (exitCode === 0) return {};
          const how = seen === exitCode ? NO_SIGNAL : findingIn(resources.folder);
          return { ...how, isShortOfProcesses: refusedForks > 0 };
        },
      });
    },
  };
  const strength = {
    wall: "kernel in user space",
    unenforced: unenforcedBy(workshop),
    sees: (["exec", "open", "connect"] as const satisfies readonly Observation["kind"][]).filter(
      (kind) => tracing?.watch[kind] === true,
    ),
  } as const;
  return driver;
};

/** Where the sockets of the way out lie inside. */
const socketsOf = (wayOut: WayOut | undefined): readonly string[] =>
  wayOut === undefined ? [] : readdirSync(wayOut.folder).map((name) => join(wayOut.path, name));

const releaseOf = async (runsc: string): Promise<number> => {
  try {
    const { stdout } = await promisify(execFile)(runsc, ["--version"], { env: {}, timeout: 5_000 });
    return Number(/\d{8}/.exec(stdout)?.[0]);
  } catch {
    return Number.NaN;
  }
};

const NO_SIGNAL: Finding = { signal: "none" };
const FAULT = /"level":\s*"(error|fatal|panic)"/;

/**
 * What runsc says of the end, in two files outside the sandbox. When gVisor's kernel dies under the
 * job, runsc passes its exit status on as if it were the job's. The job's own status is there as
 * wait(2) has it: the lower seven bits are the signal.
 */
const findingIn = (folder: string): Finding => {
  const error = lineOf(join(folder, ENGINE_LOG), FAULT);
  if (error !== undefined) return { fault: `runsc: ${error.slice(0, 300)}` };
  const log = join(folder, DEBUG_LOG);
  if (lineOf(log, /Wait RPC to container .* failed/) !== undefined) {
    return { fault: "gVisor's kernel died under the job" };
  }
  const status = /status: (\d+)$/.exec(lineOf(log, /Exiting with status: \d+$/) ?? "")?.[1];
  if (status === undefined) return { fault: "runsc ended before its job" };
  return { signal: Number(status) & 0x7f || "none" };
};

const lineOf = (file: string, pattern: RegExp): string | undefined => {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .find((line) => pattern.test(line));
  } catch {
    return undefined;
  }
};
