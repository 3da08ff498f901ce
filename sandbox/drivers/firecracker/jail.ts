import {
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { isOwnerAlive } from "../../process-identity.ts";

/** Where Firecracker and what it boots lie. Absolute paths. */
export interface FirecrackerPlaces {
  readonly firecracker: string;
  readonly jailer: string;
  /** Uncompressed kernel with virtio block and vsock built in. */
  readonly kernel: string;
  /** ext4 image whose /sbin/init is guest/init.py; shared by all machines, read-only. */
  readonly rootfs: string;
  /** Holds the jails. On the file system of kernel and image, or each machine gets a copy of them. */
  readonly jailFolder: string;
  /** The device that Firecracker needs. */
  readonly kvm: string;
}

/** One machine's folder, which is all of the host that Firecracker sees. */
export interface Jail {
  /** On the host. */
  readonly root: string;
  /** Command line of the jailer. */
  readonly command: readonly string[];
  remove(): void;
}

/** Names inside the jail; sockets have short ones, since a path to a socket has at most 107 bytes. */
export const INSIDE = {
  api: "/a.sock",
  vsock: "/v.sock",
  kernel: "/vmlinux",
  rootfs: "/rootfs.ext4",
  scratch: "/scratch.ext4",
  log: "/firecracker.log",
  metrics: "/firecracker.metrics",
} as const;

const OWNER = "clawgate-";
const SOCKET_PATH_BYTES = 107;
/** Longest name of a jail and longest socket name in it, with the folders between. */
const BELOW_JAIL_FOLDER =
  "/firecracker/clawgate-4194304-99999999999-0123456789abcdef/root/v.sock_5999";
/** More than a machine's drives: what a broken Firecracker could write to one file. */
const SPARE_FILE_BYTES = 64 << 20;

/** Why machines' sockets could not be reached below this folder; undefined when they can. */
export const jailFolderProblem = (jailFolder: string): string | undefined => {
  const most = SOCKET_PATH_BYTES - BELOW_JAIL_FOLDER.length;
  return Buffer.byteLength(jailFolder) > most
    ? `the path of the jails, ${jailFolder}, is longer than ${most} bytes`
    : undefined;
};

/**
 * Makes a jail with kernel, image and log files in it. `owner` names the gateway process, so that the
 * next one can tell a leftover.
 * @see https://github.com/firecracker-microvm/firecracker/blob/main/docs/jailer.md
 */
export const createJail = (
  places: FirecrackerPlaces,
  { owner, slotId, uid, diskBytes }: JailParts,
): Jail => {
  const id = `${OWNER}${owner}-${slotId}`;
  const folder = join(places.jailFolder, basename(places.firecracker), id);
  const root = join(folder, "root");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  place(places.kernel, join(root, INSIDE.kernel));
  place(places.rootfs, join(root, INSIDE.rootfs));
  for (const name of [INSIDE.log, INSIDE.metrics]) {
    writeFileSync(join(root, name), "", { mode: 0o600 });
    chownSync(join(root, name), uid, uid);
  }
  return {
    root,
    command: [
      places.jailer,
      ...["--id", id, "--exec-file", places.firecracker],
      ...["--uid", String(uid), "--gid", String(uid)],
      ...["--chroot-base-dir", places.jailFolder, "--new-pid-ns"],
      ...["--resource-limit", `fsize=${diskBytes * 2 + SPARE_FILE_BYTES}`],
      ...["--", "--api-sock", INSIDE.api],
    ],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

interface JailParts {
  /** As `processIdentity` says it. */
  readonly owner: string;
  readonly slotId: string;
  readonly uid: number;
  readonly diskBytes: number;
}

/** Removes the jails of gateways that died; their processes must be dead already. */
export const sweepJails = (places: FirecrackerPlaces): void => {
  const folder = join(places.jailFolder, basename(places.firecracker));
  for (const name of namesIn(folder)) {
    if (name.startsWith(OWNER) && !isOwnerAlive(name.slice(OWNER.length))) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no machine ever ran here
  }
};

/** Firecracker opens files inside its jail only: a second name for them costs nothing. */
const place = (source: string, target: string): void => {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
};
