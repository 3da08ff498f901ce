import { existsSync } from "node:fs";
import type { RunRequest } from "../driver.ts";
import type { Mounts } from "../mounts.ts";
import { shareSpace } from "../space.ts";

/** What one run's options are made of. */
interface OptionsParts {
  readonly mounts: Mounts;
  readonly request: RunRequest;
  readonly uid: string;
  /** Numbers of the descriptors that bwrap inherits. */
  readonly descriptors: {
    readonly seccomp: number;
    readonly status: number;
  };
  /** Host folders that the job's user can reach, by path inside. */
  readonly folders: readonly (readonly [path: string, folder: string])[];
}

// They tell of the host, or act on it, and no job needs them.
const MASKED = [
  "config.gz",
  "kallsyms",
  "kcore",
  "key-users",
  "keys",
  "kmsg",
  "kpagecgroup",
  "kpagecount",
  "kpageflags",
  "sched_debug",
  "sysrq-trigger",
  "timer_list",
  "vmallocinfo",
].map((name) => `/proc/${name}`);

/** bwrap's options, one word an entry. Only what is mounted here exists inside. */
export const bubblewrapOptions = ({
  mounts,
  request,
  uid,
  descriptors,
  folders,
}: OptionsParts): string[] => {
  const space = shareSpace(request.limits, mounts.writable);
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--uid", uid, "--gid", uid],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"],
    ...["--seccomp", String(descriptors.seccomp), "--json-status-fd", String(descriptors.status)],
    ...["--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", mounts.home],
    ...Object.entries(request.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--ro-bind", "/usr", "/usr"],
    ...["bin", "sbin", "lib", "lib64"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...folders.flatMap(([path, folder]) => ["--ro-bind", folder, path]),
    ...mounts.empty.flatMap((path) => ["--dir", path]),
    ...["--proc", "/proc"],
    ...MASKED.filter((path) => existsSync(path)).flatMap((path) => [
      "--ro-bind",
      "/dev/null",
      path,
    ]),
    ...["--dev", "/dev"],
    // A size holds for the next tmpfs only; one without a size could fill the host's memory.
    ...[...space].flatMap(([path, sizeBytes]) => ["--size", String(sizeBytes), "--tmpfs", path]),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", mounts.home],
  ];
};
