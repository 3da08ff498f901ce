import { execFile } from "node:child_process";
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Probe, SandboxDriver, SlotSpec } from "../driver.ts";
import { type EngineProcess, FIRST_EXTRA, startEngine } from "../engine-process.ts";
import { messageOf, SandboxError } from "../errors.ts";
import { seccompFilter } from "../seccomp.ts";
import { SYSCALLS } from "../syscalls.ts";
import type { Workshop } from "../workshop.ts";
import { bubblewrapOptions } from "./bubblewrap-options.ts";
import { launcherCommand } from "./command-line.ts";
import { processesIn } from "./processes.ts";
import { runJob } from "./run-job.ts";
import { selfTest } from "./self-test.ts";
import { type SlotResources, takeResources } from "./slot-resources.ts";
import { createSlots } from "./slots.ts";
import { unenforcedBy } from "./unenforced.ts";

const BWRAP = "/usr/bin/bwrap";
// bwrap itself and its init are in the group too.
const OWN_PROCESSES = 2;
const IDLE_BYTES = 10 << 20;
// Descriptors of the engine process, in the order of `extra`.
const SECCOMP = FIRST_EXTRA;
const OPTIONS = FIRST_EXTRA + 1;
const STATUS = FIRST_EXTRA + 2;
const BLOCK = FIRST_EXTRA + 3;

/**
 * Runs jobs in Linux namespaces under a seccomp filter: a wall inside the host's kernel, weaker than
 * gVisor and faster. @see https://github.com/containers/bubblewrap
 */
export const createBubblewrapDriver = (workshop: Workshop): SandboxDriver => {
  const syscalls = SYSCALLS[process.arch];
  const filter = syscalls === undefined ? undefined : seccompFilter(syscalls);

  const boot = async (resources: SlotResources): Promise<EngineProcess> => {
    if (filter === undefined) throw new SandboxError(`no system call filter for ${process.arch}`);
    const { uid, cgroup, mounts, spec } = resources;
    const shown = new Map<string, string>();
    for (const [path, folder] of mounts.readonly) {
      // A checkout below /root, say, to which the job's user could not walk.
      const canWalk = !workshop.isRoot || isReachable(folder);
      shown.set(path, canWalk ? folder : await resources.show(folder));
    }
    const descriptors = { seccomp: SECCOMP, status: STATUS, block: BLOCK };
    const options = bubblewrapOptions({ workshop, resources, descriptors, shown });
    const command = launcherCommand(spec, workshop.node.path);
    return startEngine({
      command: [
        ...workshop.mounter.enter,
        ...[BWRAP, "--args", String(OPTIONS), "--"],
        ...(workshop.hasCgroups ? [] : processLimit(spec)),
        ...command,
      ],
      cgroup,
      outputs: resources.outputs,
      openFiles: 1024,
      // Never as root: to the kernel the job would be root with another face.
      ...(workshop.isRoot ? { uid } : {}),
      extra: [
        filter,
        // Piped in, since command lines are readable for every user of the host.
        Buffer.from(options.map((option) => `${option}\0`).join("")),
        "collect",
        ...(spec.wayOut === undefined ? [] : [{ permit: openLowPorts }]),
      ],
    });
  };

  // What forwards to the way out listens on ports 80 and 443 without any right of its own.
  const openLowPorts = async (status: string): Promise<void> => {
    const pid = Number(/"child-pid":\s*(\d+)/.exec(status)?.[1]);
    if (!(pid > 0)) throw new SandboxError("it does not tell its child's pid");
    await workshop.mounter.openLowPorts(pid);
  };

  const slots = createSlots(async (spec) => {
    const resources = await takeResources(workshop, spec, {
      memoryBytes: spec.limits.memoryBytes,
      processes: processesIn(spec) + OWN_PROCESSES,
    });
    try {
      return { resources, engine: await boot(resources) };
    } catch (cause) {
      await resources.release();
      throw new SandboxError(`bwrap: ${messageOf(cause)}`, { cause });
    }
  });

  const driver: SandboxDriver = {
    name: "bubblewrap",
    idleBytes: IDLE_BYTES,
    async probe(known): Promise<Probe> {
      if (known !== undefined) return known;
      if (!existsSync(BWRAP)) {
        return { ok: false, reason: `${BWRAP} is missing: apt-get install bubblewrap` };
      }
      if (filter === undefined) {
        return { ok: false, reason: `there is no system call filter for ${process.arch}` };
      }
      const problem = await selfTest(driver);
      if (problem !== undefined) return { ok: false, reason: problem };
      return {
        ok: true,
        version: await versionOf(),
        platform: "namespaces and seccomp",
        strength: {
          wall: "namespaces and system call filter",
          unenforced: unenforcedBy(workshop),
          sees: [],
        },
      };
    },

    prepare: slots.prepare,
    destroy: slots.destroy,

    async dispatch(slot, run, signal) {
      const { resources, engine } = slots.use(slot);
      return runJob({
        resources,
        engine,
        run,
        ...(workshop.hasCgroups ? {} : { polledMemoryBytes: run.request.limits.memoryBytes }),
        stops: [{ signal, reason: "aborted" }],
        // bwrap says so on a descriptor that the job does not have; silence means that bwrap died.
        finding: ({ exitCode }) =>
          /"exit-code"/.test(engine.collected().toString("latin1"))
            ? {}
            : { fault: `bwrap ended before its job (exit ${exitCode})` },
      });
    },
  };
  return driver;
};

/**
 * Where no control group counts them. Set inside, since the kernel counts by user namespace; the
 * sandbox's init and what forwards are in it, too.
 */
const processLimit = (spec: SlotSpec): readonly string[] => {
  const most = processesIn(spec) + 1;
  return ["/usr/bin/prlimit", `--nproc=${most}:${most}`, "--"];
};

const versionOf = async (): Promise<string> => {
  const { stdout } = await promisify(execFile)(BWRAP, ["--version"], { env: {}, timeout: 5_000 });
  return stdout.trim().replace(/^bubblewrap /, "");
};

/** Whether everyone may walk down to the folder. */
const isReachable = (folder: string): boolean => {
  for (let path = realpathSync(folder); path !== "/"; path = dirname(path)) {
    if (!(statSync(path).mode & 0o001)) return false;
  }
  return true;
};
