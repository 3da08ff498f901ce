import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Mounts } from "../mounts.ts";
import type { Workshop } from "../workshop.ts";
import { launcherCommand } from "./command-line.ts";
import { HOSTS_FILE } from "./job-folder.ts";
import { JOB_FOLDER } from "./launchers.ts";
import { processesIn } from "./processes.ts";
import { jobEnvironment } from "./run-job.ts";
import type { SlotResources } from "./slot-resources.ts";

/**
 * Root folders of sandboxes: links into /usr, and an empty folder to mount each path on. Nobody can
 * write to one, so slots with the same paths share it.
 */
export const createRootFolders = (workshop: Pick<Workshop, "createFolder">) => {
  const made = new Map<string, string>();
  return (mounts: Mounts): string => {
    const paths = [
      ...["/dev", "/etc", "/proc", "/usr", JOB_FOLDER],
      ...[...mounts.readonly.keys(), ...mounts.empty, ...mounts.writable],
    ];
    const key = JSON.stringify(paths);
    const known = made.get(key);
    if (known !== undefined) return known;
    const folder = workshop.createFolder(`root-${randomBytes(8).toString("hex")}`, 0);
    const umask = process.umask(0o022); // these folders are for the job's user to walk through
    try {
      for (const path of paths) mkdirSync(join(folder, "root", path), { recursive: true });
    } finally {
      process.umask(umask);
    }
    for (const name of ["bin", "sbin", "lib", "lib64"]) {
      symlinkSync(`usr/${name}`, join(folder, "root", name));
    }
    made.set(key, join(folder, "root"));
    return join(folder, "root");
  };
};

/**
 * The bundle's config.json. Only what is listed exists inside.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */
export const bundleConfig = (
  workshop: Workshop,
  rootFolder: string,
  { uid, spec, mounts, space, jobFolder }: SlotResources,
): object => {
  const { wayOut } = spec;
  const bind = (destination: string, source: string, options = READ_ONLY) => ({
    destination,
    source,
    type: "bind",
    options,
  });
  return {
    ociVersion: "1.0.2",
    hostname: "sandbox",
    root: { path: rootFolder, readonly: true },
    process: {
      terminal: false,
      user: { uid, gid: uid },
      cwd: mounts.home,
      args: launcherCommand(spec, workshop.node.path),
      env: Object.entries({ ...jobEnvironment(mounts.home), ...wayOut?.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      capabilities: Object.fromEntries(
        ["bounding", "effective", "inheritable", "permitted", "ambient"].map((set) => [set, []]),
      ),
      noNewPrivileges: true,
      rlimits: [
        rlimit("RLIMIT_NOFILE", 1024),
        rlimit("RLIMIT_CORE", 0),
        rlimit("RLIMIT_NPROC", processesIn(spec)),
      ],
    },
    mounts: [
      { destination: "/proc", source: "proc", type: "proc" },
      { destination: "/dev", source: "tmpfs", type: "tmpfs" },
      bind("/usr", "/usr"),
      ...workshop.absentPrograms.map((path) => bind(path, workshop.emptyFile)),
      bind("/etc", workshop.etcFolder),
      ...(wayOut === undefined ? [] : [bind("/etc/hosts", join(jobFolder, HOSTS_FILE))]),
      bind(JOB_FOLDER, jobFolder),
      ...[...mounts.readonly].map(([path, folder]) => bind(path, folder)),
      ...[...space.folders].map(([path, folder]) => bind(path, folder, WRITABLE)),
    ],
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
};

const READ_ONLY = ["rbind", "ro", "nosuid", "nodev"];
const WRITABLE = ["rbind", "rw", "nosuid", "nodev"];

const rlimit = (type: string, value: number) => ({ type, hard: value, soft: value });
