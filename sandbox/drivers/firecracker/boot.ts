import { randomBytes } from "node:crypto";
import { chownSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { SlotSpec } from "../../driver.ts";
import { messageOf, SandboxError } from "../../errors.ts";
import { mountsFor } from "../../mounts.ts";
import { processIdentity } from "../../process-identity.ts";
import { tenantUid } from "../../tenant-uid.ts";
import type { Workshop } from "../../workshop.ts";
import { launcherCommand } from "../command-line.ts";
import { makeJobFolder } from "../job-folder.ts";
import { JOB_FOLDER } from "../launchers.ts";
import { processesIn } from "../processes.ts";
import { type Bridge, openBridge } from "./bridge.ts";
import { makeScratchDrive } from "./drive.ts";
import { createGuestEngine, type GuestEngine } from "./engine.ts";
import { createGuest } from "./guest.ts";
import { createJail, type FirecrackerPlaces, INSIDE, type Jail } from "./jail.ts";
import { bootMachine } from "./machine.ts";

/** In the guest's image. */
const NODE = "/usr/bin/node";

/** The guest's kernel and its first processes; what the job uses comes on top. */
export const GUEST_BYTES = 128 << 20;
/** Firecracker's own; the control group holds it and the guest's memory. */
export const MONITOR_BYTES = 64 << 20;
/** Read-only folders lie in the guest's memory. */
const MOST_MOUNTED_BYTES = 512 << 20;
// Threads of Firecracker: one a virtual processor, and a few.
const MONITOR_PROCESSES = 64;
const OUTPUT_BYTES = 96 << 20;

/** What one machine has of the host. */
interface MachineResources {
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

/** A machine whose launcher waits for its job. */
interface BootedMachine {
  readonly resources: MachineResources;
  readonly engine: GuestEngine;
}

/**
 * Boots a machine up to where its launcher waits for the job. Throws SandboxError when it does not
 * come up in `bootMs`; nothing of it is left then.
 */
export const bootSlot = async (
  workshop: Workshop,
  places: FirecrackerPlaces,
  bootMs: number,
  spec: SlotSpec,
): Promise<BootedMachine> => {
  const resources = takeResources(workshop, places, spec);
  try {
    return await bootGuest(workshop, resources, bootMs);
  } catch (cause) {
    await resources.release();
    throw new SandboxError(`firecracker: ${messageOf(cause)}`, { cause });
  }
};

/** Takes what a machine needs of the host; nothing stays taken when it fails. */
const takeResources = (
  workshop: Workshop,
  places: FirecrackerPlaces,
  spec: SlotSpec,
): MachineResources => {
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
      id,
      spec,
      uid,
      home: mounts.home,
      jail,
      cgroup,
      jobFolder,
      outputsFolder,
      memoryBytes,
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
  resources: MachineResources,
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
        uid,
        home,
        empty: mounts.empty,
        writable: mounts.writable,
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
    cgroup,
    guest,
    connection,
    outputsFolder: resources.outputsFolder,
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
