import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Cgroup, CgroupLimits, CgroupTree } from "./cgroup/cgroup.ts";
import { SandboxError } from "./errors.ts";
import type { OpenshellSettings } from "./policy.ts";
import { isOwnerAlive, processIdentity } from "./process-identity.ts";

/** What all slots of one gateway process share. Everything it makes bears the owner's name. */
export interface Workshop {
  readonly filesystem: OpenshellSettings["filesystem"];
  /** The /etc of every sandbox: no secret, nothing of this machine's configuration. */
  readonly etcFolder: string;
  /** A folder with the self-test's script, to be mounted at /app. */
  readonly selfTestFolder: string;
  /** Node's path inside the sandbox, and what to mount for it where it lies outside /usr. */
  readonly node: { readonly path: string; readonly mounts: ReadonlyMap<string, string> };
  /** An empty folder that everyone can walk to, for a mount that only one run sees. */
  stage(index: number): string;
  /** A new empty folder for a slot; only we may look into it. */
  createFolder(slotId: string): string;
  createCgroup(slotId: string, limits: CgroupLimits): Cgroup;
  close(): void;
}

const PREFIX = "clawgate-";
const NODE_FOLDER = "/opt/node";

/** Opens a workshop below `stateFolder`. Throws when the folder cannot be made. */
export const createWorkshop = (
  stateFolder: string,
  cgroups: CgroupTree,
  filesystem: OpenshellSettings["filesystem"],
): Workshop => {
  const identity = processIdentity(process.pid);
  if (identity === undefined) throw new SandboxError("cannot read /proc: is it mounted?");
  const owner = `${PREFIX}${identity}-${randomBytes(4).toString("hex")}`;
  const folder = join(stateFolder, owner);
  mkdirSync(folder, { recursive: true });
  // Others may pass through by a name that they know, to reach what is meant for the sandbox.
  for (const path of [stateFolder, folder]) chmodSync(path, 0o711);
  const etcFolder = join(folder, "etc");
  makeEtc(etcFolder);
  const selfTestFolder = join(folder, "self-test");
  mkdirSync(selfTestFolder);
  writeFileSync(join(selfTestFolder, "self-test.sh"), SELF_TEST);
  makeReadable(etcFolder);
  makeReadable(selfTestFolder);
  return {
    filesystem,
    etcFolder,
    selfTestFolder,
    node: findNode(),
    stage(index) {
      const place = join(folder, `stage-${index}`);
      mkdirSync(place, { recursive: true });
      return place;
    },
    createFolder(slotId) {
      const slotFolder = join(folder, slotId);
      mkdirSync(slotFolder, { mode: 0o700 });
      return slotFolder;
    },
    createCgroup: (slotId, limits) => cgroups.create(`${owner}-${slotId}`, limits),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** Removes what gateways left behind that died without closing; those that live are left alone. */
export const sweepLeftovers = async (stateFolder: string, cgroups: CgroupTree): Promise<void> => {
  const isLeftover = (name: string) =>
    /^clawgate-\d+-\d+-/.test(name) && !isOwnerAlive(name.slice(PREFIX.length));
  await cgroups.sweep(isLeftover); // first: its processes may still use the folders
  if (!existsSync(stateFolder)) return;
  for (const name of readdirSync(stateFolder).filter(isLeftover)) {
    rmSync(join(stateFolder, name), { recursive: true, force: true });
  }
};

// What a probe runs inside. Exit 0 only when the walls are where they should be.
const SELF_TEST = `
{ : >/etc/clawgate-self-test; } 2>/dev/null && exit 10
{ : >/usr/clawgate-self-test; } 2>/dev/null && exit 11
{ : >>/proc/sys/kernel/core_pattern; } 2>/dev/null && exit 12
[ -e /etc/shadow ] && exit 13
while read -r name _; do
  case $name in Inter-* | face* | lo:*) ;; *) exit 14 ;; esac
done </proc/net/dev
exit 0
`;

/** What each exit code of the self-test means. */
export const SELF_TEST_FAILURES: ReadonlyMap<number, string> = new Map([
  [10, "a write to /etc succeeded"],
  [11, "a write to /usr succeeded"],
  [12, "a kernel setting of the host is writable"],
  [13, "the host's /etc is visible"],
  [14, "a network interface beside lo is present"],
]);

const makeEtc = (folder: string): void => {
  mkdirSync(join(folder, "ssl", "certs"), { recursive: true });
  const files = {
    passwd:
      "root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    group: "root:x:0:\nnogroup:x:65534:\n",
    hosts: "127.0.0.1 localhost\n::1 localhost\n",
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
