import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { promisify } from "node:util";
import { type FirecrackerPlaces, jailFolderProblem } from "./jail.ts";

/** Why Firecracker cannot run here, as far as files tell; undefined when nothing is in the way. */
export const problemOf = (places: FirecrackerPlaces): string | undefined => {
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

/** The version that Firecracker says it has (`Firecracker v1.13.1` on the first line), if it does. */
export const versionOf = async (firecracker: string): Promise<string | undefined> => {
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
