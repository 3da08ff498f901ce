import { statSync } from "node:fs";
import { join } from "node:path";
import { tenantUid } from "../tenant-uid.ts";
import type { Workshop } from "../workshop.ts";
import { HOSTS_FILE } from "./job-folder.ts";
import { JOB_FOLDER } from "./launchers.ts";
import { jobEnvironment } from "./run-job.ts";
import type { SlotResources } from "./slot-resources.ts";

/** What one sandbox's options are made of. */
interface OptionsParts {
  readonly workshop: Workshop;
  readonly resources: SlotResources;
  /** Numbers of the descriptors that bwrap inherits. */
  readonly descriptors: {
    readonly seccomp: number;
    readonly status: number;
    /** bwrap waits for a byte here before it goes on; with a way out only. */
    readonly block: number;
  };
  /** Host folders that the job's user can reach, by path inside. */
  readonly shown: ReadonlyMap<string, string>;
}

// They tell of the host, or act on it, and no job needs them. Jobs are never the host's root, so what
// is root's alone need not be covered, which would cost each start a tenth of a millisecond.
const MASKED = [
  "cmdline",
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
]
  .map((name) => `/proc/${name}`)
  .filter((path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o006) !== 0);

/** bwrap's options, one word an entry. Only what is mounted here exists inside. */
export const bubblewrapOptions = ({
  workshop,
  resources: { mounts, space, jobFolder, spec },
  descriptors,
  shown,
}: OptionsParts): string[] => {
  const { wayOut } = spec;
  const uid = String(tenantUid(spec.tenantId));
  const environment = { ...jobEnvironment(mounts.home), ...wayOut?.env };
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns"],
    ...["--uid", uid, "--gid", uid],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"],
    ...(wayOut === undefined ? [] : ["--block-fd", String(descriptors.block)]),
    ...["--seccomp", String(descriptors.seccomp), "--json-status-fd", String(descriptors.status)],
    "--clearenv",
    ...Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--ro-bind", "/usr", "/usr"],
    ...workshop.absentPrograms.flatMap((path) => ["--ro-bind", workshop.emptyFile, path]),
    ...["bin", "sbin", "lib", "lib64"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...["--ro-bind", workshop.etcFolder, "/etc", "--ro-bind", jobFolder, JOB_FOLDER],
    ...(wayOut === undefined ? [] : ["--ro-bind", join(jobFolder, HOSTS_FILE), "/etc/hosts"]),
    // The outer before what lies in it.
    ...mounts.empty.flatMap((path) => ["--dir", path]),
    ...[...shown].flatMap(([path, folder]) => ["--ro-bind", folder, path]),
    ...["--proc", "/proc"],
    ...MASKED.flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...["--dev", "/dev"],
    ...[...space.folders].flatMap(([path, folder]) => ["--bind", folder, path]),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", mounts.home],
  ];
};
