import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { Cgroup, CgroupLimits, CgroupTree } from "./cgroup/cgroup.ts";
import { LOOPBACK } from "./drivers/job-folder.ts";
import { SandboxError } from "./errors.ts";
import { createMounter, type Mounter } from "./mounter.ts";
import type { OpenshellSettings } from "./policy.ts";
import { isOwnerAlive, processIdentity } from "./process-identity.ts";

/** What all slots of one gateway process share. Everything it makes bears the owner's name. */
export interface Workshop {
  readonly filesystem: OpenshellSettings["filesystem"];
  /** Programs below /usr that are covered with `emptyFile`, which nobody can execute. */
  readonly absentPrograms: readonly string[];
  readonly emptyFile: string;
  /** The /etc of every sandbox: no secret, nothing of this machine's configuration. */
  readonly etcFolder: string;
  /** Node's path inside the sandbox, and what to mount for it where it lies outside /usr. */
  readonly node: { readonly path: string; readonly mounts: ReadonlyMap<string, string> };
  readonly mounter: Mounter;
  /** Else jobs of all tenants run as our own user. */
  readonly isRoot: boolean;
  /** Whether the kernel holds the limits of memory, processor time and processes. */
  readonly hasCgroups: boolean;
  /** A new empty folder; only we and this user may look into it. */
  createFolder(name: string, uid: number): string;
  createCgroup(slotId: string, limits: CgroupLimits): Cgroup;
  close(): Promise<void>;
}

const PREFIX = "clawgate-";
const NODE_FOLDER = "/opt/node";
/** As much as the kernel gives a file system in memory that nobody bounds. */
const MEMORY_SHARE = 1 / 2;
const UNBOUNDED = 0;

/** Where a user's gateway keeps what runs need: a folder that nobody else could have made. */
export const stateFolderOf = (uid: number): string => {
  if (uid === 0) return "/run/clawgate";
  const own = `/run/user/${uid}`;
  if (existsSync(own)) return `${own}/clawgate`;
  try {
    return join(homedir(), ".clawgate", "run");
  } catch {
    return `${own}/clawgate`; // nowhere: making it says so
  }
};

/**
 * Opens a workshop below `stateFolder`, in memory where we may mount: what a run is given never gets
 * to a disk, and a start never waits for one. Rejects when the folder cannot be made.
 */
export const createWorkshop = async (
  stateFolder: string,
  cgroups: CgroupTree,
  filesystem: OpenshellSettings["filesystem"],
  absentPrograms: readonly string[] = [],
): Promise<Workshop> => {
  const identity = processIdentity(process.pid);
  if (identity === undefined) throw new SandboxError("cannot read /proc: is it mounted?");
  const owner = `${PREFIX}${identity}-${randomBytes(4).toString("hex")}`;
  const folder = join(stateFolder, owner);
  mkdirSync(folder, { recursive: true });
  const mounter = createMounter();
  const isRoot = process.getuid?.() === 0;
  const sizeBytes = Math.floor(totalmem() * MEMORY_SHARE);
  const isMounted =
    isRoot &&
    (await mounter.tmpfs(folder, { sizeBytes, inodes: UNBOUNDED, uid: 0 }).then(
      () => true,
      () => false, // slower and no less safe; an engine that has to mount says what is wrong
    ));
  // Others may pass through by a name that they know, to reach what is meant for the sandbox.
  for (const path of [stateFolder, folder]) chmodSync(path, 0o711);
  const etcFolder = join(folder, "etc");
  makeEtc(etcFolder);
  makeReadable(etcFolder);
  const emptyFile = join(folder, "empty");
  writeFileSync(emptyFile, "");
  chmodSync(emptyFile, 0o444);
  return {
    filesystem,
    absentPrograms,
    emptyFile,
    mounter,
    isRoot,
    hasCgroups: cgroups.isExact,
    etcFolder,
    node: findNode(),
    createFolder(name, uid) {
      const made = join(folder, name);
      mkdirSync(made, { mode: 0o700 });
      if (isRoot) chownSync(made, uid, uid);
      return made;
    },
    createCgroup: (slotId, limits) => cgroups.create(`${owner}-${slotId}`, limits),
    async close() {
      try {
        // What is still mounted in it belongs to others: it is left to the next start.
        if (mountPointsIn(folder).some((place) => place !== folder)) return;
        if (isMounted) await mounter.unmount(folder);
        rmSync(folder, { recursive: true, force: true });
      } finally {
        mounter.close();
      }
    },
  };
};

/** Removes what gateways left behind that died without closing; those that live are left alone. */
export const sweepLeftovers = async (stateFolder: string, cgroups: CgroupTree): Promise<void> => {
  const isLeftover = (name: string) =>
    /^clawgate-\d+-\d+-/.test(name) && !isOwnerAlive(name.slice(PREFIX.length));
  await cgroups.sweep(isLeftover); // first: its processes may still use the folders
  if (!existsSync(stateFolder)) return;
  for (const name of readdirSync(stateFolder).filter(isLeftover)) {
    const folder = join(stateFolder, name);
    await unmountAll(folder); // before anything is removed: a mount may show a folder of others
    rmSync(folder, { recursive: true, force: true });
  }
};

const unmountAll = async (folder: string): Promise<void> => {
  if (mountPointsIn(folder).length === 0) return;
  const mounter = createMounter();
  try {
    for (let places = mountPointsIn(folder); places.length > 0; ) {
      for (const place of places.reverse()) await mounter.unmount(place);
      places = mountPointsIn(folder);
    }
  } finally {
    mounter.close();
  }
};

/**
 * What is mounted on a folder and below it, in the order in which it was mounted.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
const mountPointsIn = (folder: string): string[] =>
  readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .map((line) => Buffer.from(unescaped(line.split(" ")[4] ?? ""), "latin1").toString("utf8"))
    .filter((place) => place === folder || place.startsWith(`${folder}/`));

/** Spaces, tabs, line breaks and backslashes are written as `\\NNN`, octal. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));

const makeEtc = (folder: string): void => {
  mkdirSync(join(folder, "ssl", "certs"), { recursive: true });
  const files = {
    passwd:
      "root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    group: "root:x:0:\nnogroup:x:65534:\n",
    hosts: LOOPBACK,
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  // Shared libraries and commands are found through these; none of them says anything of the host.
  for (const name of ["ld.so.cache", "alternatives", "ssl/certs/ca-certificates.crt"]) {
    const source = join("/etc", name);
    if (!existsSync(source)) continue;
    cpSync(source, join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
};

/** Whatever the gateway's umask is, the jobs' users must be able to read what is made for them. */
const makeReadable = (folder: string): void => {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) makeReadable(path);
    else if (entry.isFile()) chmodSync(path, 0o644);
  }
};

const findNode = (): Workshop["node"] =>
  existsSync("/usr/bin/node")
    ? { path: "/usr/bin/node", mounts: new Map() }
    : {
        path: `${NODE_FOLDER}/node`,
        mounts: new Map([[NODE_FOLDER, dirname(process.execPath)]]),
      };
