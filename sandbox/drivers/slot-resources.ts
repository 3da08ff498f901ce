import { randomBytes } from "node:crypto";
import { chownSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Cgroup, CgroupLimits } from "../cgroup/cgroup.ts";
import type { SlotSpec } from "../driver.ts";
import { type Mounts, mountsFor } from "../mounts.ts";
import { createSpace, type Space, spaceOptions } from "../space.ts";
import { tenantUid } from "../tenant-uid.ts";
import type { Workshop } from "../workshop.ts";
import { makeJobFolder } from "./job-folder.ts";

/** What a slot of either local engine has of this machine. */
export interface SlotResources {
  readonly id: string;
  readonly spec: SlotSpec;
  /** To the kernel; 0 in the mounter's namespace where we are not root. */
  readonly uid: number;
  /** For the engine's own files; the job's user can walk through it. */
  readonly folder: string;
  readonly jobFolder: string;
  /** Named pipes for the job's stdout and stderr. */
  readonly outputs: readonly [stdout: string, stderr: string];
  readonly mounts: Mounts;
  readonly space: Space;
  readonly cgroup: Cgroup;
  /** Shows a host folder at a new place within `folder`, read-only, and resolves with that place. */
  show(folder: string): Promise<string>;
  /** Idempotent: kills what is left and gives everything back. */
  release(): Promise<void>;
}

/** Takes what a slot needs; nothing stays taken when it fails. */
export const takeResources = async (
  workshop: Workshop,
  spec: SlotSpec,
  limits: CgroupLimits,
): Promise<SlotResources> => {
  const id = randomBytes(8).toString("hex");
  // Without root there is one user only, which the mounter's namespace calls 0.
  const uid = workshop.isRoot ? tenantUid(spec.tenantId) : 0;
  const { mounter } = workshop;
  const folder = workshop.createFolder(id, uid);
  const mounted: string[] = [];
  let cgroup: Cgroup | undefined;
  const release = async (): Promise<void> => {
    await cgroup?.kill();
    await cgroup?.remove();
    cgroup = undefined;
    for (let place = mounted.at(-1); place !== undefined; place = mounted.at(-1)) {
      await mounter.unmount(place);
      mounted.pop();
    }
    // Only now: what a mount shows is not ours to remove.
    rmSync(folder, { recursive: true, force: true });
  };
  const place = async (name: string, mount: (at: string) => Promise<void>): Promise<string> => {
    const at = join(folder, name);
    await mkdir(at, { mode: 0o700 });
    await mount(at);
    mounted.push(at);
    return at;
  };
  try {
    const mounts = mountsFor(workshop, spec);
    const jobFolder = join(folder, "job");
    makeJobFolder(jobFolder, spec);
    cgroup = workshop.createCgroup(id, { ...limits, yields: spec.unhurried !== undefined });
    const outputs = [join(folder, "stdout"), join(folder, "stderr")] as const;
    const options = spaceOptions(spec.limits, mounts.writable, uid);
    // Asked for together: most of what each takes is the way to the mounter and back.
    const piped = Promise.all(outputs.map((path) => mounter.pipe(path)));
    piped.catch(() => {}); // told below
    const spaceFolder = await place("space", (at) => mounter.tmpfs(at, options));
    await piped;
    if (uid !== 0) for (const path of outputs) chownSync(path, uid, uid);
    const space = createSpace(spaceFolder, mounts.writable, uid, mounter.view);
    return {
      id,
      spec,
      uid,
      folder,
      jobFolder,
      outputs,
      mounts,
      space,
      cgroup,
      release,
      show: (source) => place(`shown-${mounted.length}`, (at) => mounter.bindReadOnly(source, at)),
    };
  } catch (error) {
    await release();
    throw error;
  }
};
