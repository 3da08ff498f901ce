import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { Probe, SandboxDriver, SlotSpec } from "../../driver.ts";
import { SandboxError } from "../../errors.ts";
import { mountsFor } from "../../mounts.ts";
import { collectOutputs } from "../../outputs.ts";
import { processIdentity } from "../../process-identity.ts";
import { supervise } from "../../supervise.ts";
import { tenantUid } from "../../tenant-uid.ts";
import type { Workshop } from "../../workshop.ts";
import { launcherCommand } from "../command-line.ts";
import { makeJobFolder, writeJob } from "../job-folder.ts";
import { JOB_FOLDER } from "../launchers.ts";
import { processesIn } from "../processes.ts";
import { jobEnvironment } from "../run-job.ts";
import { selfTest } from "../self-test.ts";
import { createSlots } from "../slots.ts";
import { verdictOf } from "../verdict.ts";
import { type Bridge, openBridge } from "./bridge.ts";
import { makeScratchDrive } from "./drive.ts";
import { createGuestEngine, type GuestEngine } from "./engine.ts";
import { createGuest } from "./guest.ts";
import {
  createJail,
  type FirecrackerPlaces,
  INSIDE,
  type Jail,
  jailFolderProblem,
  sweepJails,
} from "./jail.ts";
import { bootMachine } from "./machine.ts";

/** Where Firecracker lies and how long a machine may take to boot; what is left out has a default. */
export interface FirecrackerOptions extends Partial<FirecrackerPlaces> {
  /** From the start of the jailer to the guest's answer. */
  readonly bootMs?: number;
}

const DEFAULT_PLACES: FirecrackerPlaces = {
  firecracker: "/usr/local/bin/firecracker",
  jailer: "/usr/local/bin/jailer",
  kernel: "/var/lib/clawgate/firecracker/vmlinux",
  rootfs: "/var/lib/clawgate/firecracker/rootfs.ext4",
  jailFolder: "/srv/jailer",
  kvm: "/dev/kvm",
};
/** Files whose change makes another engine of it. */
export const firecrackerPrograms = (options: FirecrackerOptions = {}): readonly string[] => {
  const { firecracker, jailer, kernel, rootfs } = { ...DEFAULT_PLACES, ...options };
  return [firecracker, jailer, kernel, rootfs];
};

const DEFAULT_BOOT_MS = 10_000;
const STRENGTH = { wall: "virtual machine", unenforced: [], sees: [] } as const;
/** In the guest's image. */
const NODE = "/usr/bin/node";

// The guest's kernel and its first processes; what the job uses comes on top.
const GUEST_BYTES = 128 << 20;
// Firecracker's own; the control group holds it and the guest's memory.
const MONITOR_BYTES = 64 << 20;
/** Read-only folders lie in the guest's memory. */
const MOST_MOUNTED_BYTES = 512 << 20;
// Threads of Firecracker: one a virtual processor, and a few.
const MONITOR_PROCESSES = 64;
const OUTPUT_BYTES = 96 << 20;

/**
 * Runs each job in a virtual machine of its own, which a jailed Firecracker keeps.
 * @see https://github.com/firecracker-microvm/firecracker/blob/main/docs/design.md
 */
export const createFirecrackerDriver = (
  workshop: Workshop,
  options: FirecrackerOptions = {},
): SandboxDriver => {
  const { bootMs = DEFAULT_BOOT_MS, ...places } = { ...DEFAULT_PLACES, ...options };

  const boot = async (spec: SlotSpec): Promise<BootedMachine> => {
    const resources = takeResources(workshop, places, spec);
    try {
      return await bootGuest(workshop, resources, bootMs);
    } catch (cause) {
      await resources.release();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SandboxError(`firecracker: ${why}`, { cause });
    }
  };
  const slots = createSlots(boot);

  const driver: SandboxDriver = {
    name: "firecracker",
    idleBytes: GUEST_BYTES + MONITOR_BYTES,
    async probe(known): Promise<Probe> {
      if (known !== undefined) return known;
      const missing = problemOf(places);
      if (missing !== undefined) return { ok: false, reason: missing };
      sweepJails(places);
      const version = await versionOf(places.firecracker);
      if (version === undefined) {
        return { ok: false, reason: `${places.firecracker} --version does not say a version` };
      }
      // A device that is there proves nothing: only a machine that boots does.
      const problem = await selfTest(driver);
      if (problem !== undefined) return { ok: false, reason: problem };
      return { ok: true, version, platform: "KVM, jailer", strength: STRENGTH };
    },

    prepare: slots.prepare,
    destroy: slots.destroy,

    async dispatch(slot, { request }, signal) {
      const { resources, engine } = slots.use(slot);
      const { jobFolder, outputsFolder, home } = resources;
      writeJob(jobFolder, request, {
        ...jobEnvironment(home),
        ...request.env,
        ...slot.spec.wayOut?.env,
      });
      engine.expect(jobFolder, request.outputs);
      const ended = await supervise(engine, {
        limits: request.limits,
        refusedForks: engine.refusedForks,
        stops: [
          { signal, reason: "aborted" },
          { signal: engine.outOfMemory, reason: "memory" },
        ],
      });
      const { fault, isDiskFull, peakMemoryBytes } = engine.found();
      const result = verdictOf(ended, fault === undefined ? {} : { fault }, {
        isFull: () => isDiskFull,
      });
      const usage = { ...result.usage, ...(peakMemoryBytes === 0 ? {} : { peakMemoryBytes }) };
      if (request.outputs === undefined) return { ...result, usage };
      const { files, isTruncated } = await collectOutputs(outputsFolder, request.outputs);
      const isCut = result.isTruncated || isTruncated || engine.found().isOutputCut;
      return { ...result, usage, outputs: files, isTruncated: isCut };
    },
  };
  return driver;
};

interface Resources {
  readonly id: string;
  readonly spec: SlotSpec;
  readonly uid: number;
  readonly home: string;
  readonly jail: Jail;
  readonly cgroup: Cgroup;
  readonly jobFolder: string;
  /** Where the job's output files arrive; ours alone. */
  readonly outputsFolder: string;
  readonly memoryBytes: number;
  /** Closed with the resources. */
  own(bridge: Bridge): void;
  release(): Promise<void>;
}

interface BootedMachine {
  readonly resources: Resources;
  readonly engine: GuestEngine;
}

/** Takes what a machine needs of the host; nothing stays taken when it fails. */
const takeResources = (
  workshop: Workshop,
  places: FirecrackerPlaces,
  spec: SlotSpec,
): Resources => {
  const owner = processIdentity(process.pid);
  if (owner === undefined) throw new SandboxError("cannot read /proc: is it mounted?");
  const id = randomBytes(8).toString("hex");
  const uid = tenantUid(spec.tenantId);
  const mounts = guestMounts(workshop, spec);
  const mountedBytes = sizeOf([...mounts.readonly.values()]);
  if (mountedBytes > MOST_MOUNTED_BYTES) {
    throw new SandboxError(`the read-only folders hold more than ${MOST_MOUNTED_BYTES} bytes`);
  }
  const memoryBytes = spec.limits.memoryBytes + GUEST_BYTES + mountedBytes;
  const folder = workshop.createFolder(id, 0);
  const bridges: Bridge[] = [];
  let jail: Jail | undefined;
  let cgroup: Cgroup | undefined;
  const release = async () => {
    await cgroup?.kill();
    await cgroup?.remove();
    cgroup = undefined;
    for (const bridge of bridges.splice(0)) bridge.close();
    jail?.remove();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const jobFolder = join(folder, "job");
    makeJobFolder(jobFolder, spec);
    const outputsFolder = join(folder, "outputs");
    mkdirSync(outputsFolder, { mode: 0o700 });
    cgroup = workshop.createCgroup(id, {
      memoryBytes: memoryBytes + MONITOR_BYTES,
      processes: processesIn(spec) + MONITOR_PROCESSES,
    });
    const { diskBytes } = spec.limits;
    jail = createJail(places, { owner, slotId: id, uid, diskBytes });
    return {
      ...{ id, spec, uid, home: mounts.home, jail, cgroup, jobFolder, outputsFolder, memoryBytes },
      own: (bridge) => void bridges.push(bridge),
      release,
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    jail?.remove();
    cgroup?.remove().catch(() => {});
    throw error;
  }
};

const bootGuest = async (
  workshop: Workshop,
  resources: Resources,
  bootMs: number,
): Promise<BootedMachine> => {
  const { spec, uid, jail, cgroup, memoryBytes, jobFolder, home } = resources;
  const { limits, wayOut } = spec;
  const scratch = join(jail.root, INSIDE.scratch);
  await makeScratchDrive(scratch, limits);
  chownSync(scratch, uid, uid); // Firecracker opens it as this user
  const bridge = wayOut === undefined ? undefined : await openBridge(wayOut.folder, jail, uid);
  if (bridge !== undefined) resources.own(bridge);
  const { connection } = await bootMachine({ jail, cgroup, memoryBytes, bootMs });
  const guest = createGuest(connection);
  const mounts = guestMounts(workshop, spec);
  const folders = new Map([...mounts.readonly, [JOB_FOLDER, jobFolder]]);
  const overdue = setTimeout(() => connection.destroy(), bootMs);
  try {
    await guest.build(
      {
        ...{ uid, home, empty: mounts.empty, writable: mounts.writable },
        mounts: [...folders.keys()],
        jobFolder: JOB_FOLDER,
        hosts: wayOut?.hosts ?? "",
        blocked: [...new Set(workshop.absentPrograms.map((path) => basename(path)))],
        command: launcherCommand(spec, NODE),
        memoryBytes: limits.memoryBytes,
        diskBytes: limits.diskBytes,
        files: limits.files,
        pids: processesIn(spec),
        ...(wayOut && bridge ? { wayOut: { path: wayOut.path, sockets: bridge.sockets } } : {}),
      },
      [...folders.values()],
    );
  } finally {
    clearTimeout(overdue);
  }
  const engine = createGuestEngine({
    ...{ cgroup, guest, connection, outputsFolder: resources.outputsFolder },
    mostOutputBytes: OUTPUT_BYTES,
  });
  return { resources, engine };
};

/** The guest has an interpreter of its own, so none of the host's is shown to it. */
const guestMounts = ({ filesystem }: Workshop, spec: SlotSpec) =>
  mountsFor({ filesystem, node: { path: NODE, mounts: new Map() } }, spec);

/** Bytes of all files below the folders, more or less as a file system in memory holds them. */
const sizeOf = (folders: readonly string[]): number => {
  let bytes = 0;
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      bytes += lstatSync(join(folder, name)).size + 4096;
    }
  }
  return bytes;
};

/** Why Firecracker cannot run here, as far as files tell; undefined when nothing is in the way. */
const problemOf = (places: FirecrackerPlaces): string | undefined => {
  const wanted = {
    [places.firecracker]: "see docs/engines.md on how to install Firecracker",
    [places.jailer]: "it comes with Firecracker",
    [places.kernel]: "docs/engines.md says how to build the guest's kernel",
    [places.rootfs]: "docs/engines.md says how to build the guest's image",
    [places.kvm]:
      "this machine has no KVM: it needs a processor with virtualization, and in a virtual machine nested virtualization",
    "/usr/sbin/mkfs.ext4": "apt-get install e2fsprogs",
    "/usr/bin/tar": "apt-get install tar",
  };
  for (const [path, advice] of Object.entries(wanted)) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined)
      return `${path} is missing: ${advice}`;
  }
  for (const path of [places.firecracker, places.jailer]) {
    if (!isUsable(path, constants.X_OK)) return `${path} is not executable`;
  }
  if (!isUsable(places.kvm, constants.R_OK | constants.W_OK)) {
    return `${places.kvm} may not be used by this user`;
  }
  for (const path of [places.kernel, places.rootfs]) {
    const { mode } = statSync(path);
    if (mode & 0o022) return `${path} can be changed by others than its owner: chmod go-w`;
    if (!(mode & 0o004))
      return `${path} is not readable by the users that machines run as: chmod o+r`;
  }
  return jailFolderProblem(places.jailFolder);
};

const isUsable = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

/** `Firecracker v1.13.1` on the first line. */
const versionOf = async (firecracker: string): Promise<string | undefined> => {
  try {
    const { stdout } = await promisify(execFile)(firecracker, ["--version"], {
      env: { PATH: "/usr/bin:/bin" },
      timeout: 5_000,
    });
    return /^Firecracker v(\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
};
