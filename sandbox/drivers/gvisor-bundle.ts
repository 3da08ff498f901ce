import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { RunRequest } from "../driver.ts";
import type { Mounts } from "../mounts.ts";
import { interpreterOf, scriptPathOf } from "../policy.ts";
import { shareSpace } from "../space.ts";
import { tenantUid } from "../tenant-uid.ts";
import type { Workshop } from "../workshop.ts";

/** Makes the root folder of a sandbox: links into /usr, and an empty folder to mount each path on. */
export const makeRootfs = (folder: string, mounts: Mounts): void => {
  const paths = [
    ...["/dev", "/etc", "/proc", "/usr"],
    ...mounts.readonly.keys(),
    ...mounts.empty,
    ...mounts.writable,
  ];
  const umask = process.umask(0o022); // these folders are for the job's user to walk through
  try {
    for (const path of paths) mkdirSync(join(folder, path), { recursive: true });
  } finally {
    process.umask(umask);
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    symlinkSync(`usr/${name}`, join(folder, name));
  }
};

/**
 * The bundle's config.json. Only what is listed exists inside.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */
export const bundleConfig = (workshop: Workshop, mounts: Mounts, request: RunRequest): object => {
  const uid = tenantUid(request.tenantId);
  const { limits } = request;
  const space = shareSpace(limits, mounts.writable);
  const bind = ([destination, source]: readonly [string, string]) => ({
    destination,
    source,
    type: "bind",
    options: ["rbind", "ro", "nosuid", "nodev"],
  });
  return {
    ociVersion: "1.0.2",
    hostname: "sandbox",
    root: { path: "rootfs", readonly: true },
    process: {
      terminal: false,
      user: { uid, gid: uid },
      cwd: mounts.home,
      args: [
        ...interpreterOf(request.language, workshop.node.path),
        scriptPathOf(request),
        ...request.argv,
      ],
      env: environment(mounts, request.env),
      capabilities: Object.fromEntries(
        ["bounding", "effective", "inheritable", "permitted", "ambient"].map((set) => [set, []]),
      ),
      noNewPrivileges: true,
      rlimits: [
        { type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 },
        { type: "RLIMIT_CORE", hard: 0, soft: 0 },
        { type: "RLIMIT_NPROC", hard: limits.pids, soft: limits.pids },
      ],
    },
    mounts: [
      { destination: "/proc", source: "proc", type: "proc" },
      { destination: "/dev", source: "tmpfs", type: "tmpfs" },
      bind(["/usr", "/usr"]),
      bind(["/etc", workshop.etcFolder]),
      ...[...mounts.readonly].map(bind),
      ...[...space].map(([destination, sizeBytes]) => ({
        destination,
        source: "tmpfs",
        type: "tmpfs",
        options: ["nosuid", "nodev", `size=${sizeBytes}`, "mode=1777"],
      })),
    ],
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
};

const environment = (mounts: Mounts, env: RunRequest["env"]): string[] =>
  Object.entries({ PATH: "/usr/bin:/bin", HOME: mounts.home, ...env }).map(
    ([name, value]) => `${name}=${value}`,
  );
