import { realpathSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import type { Language, Limits, RunRequest } from "./driver.ts";
import { SandboxError } from "./errors.ts";

/** The `openshell` settings as they come out of the settings file: defaults filled in. */
export interface OpenshellSettings {
  readonly isolation: string;
  /** Refuse to run at all where the engine cannot hold what these settings ask for. */
  readonly strict: boolean;
  readonly filesystem: {
    /** GiB over all writable paths together. */
    readonly max_size_gb: number;
    readonly allowed_paths: readonly string[];
    readonly readonly_paths: readonly string[];
  };
  readonly network: {
    readonly mode: "off" | "whitelist";
    /** Host names, exact or `*.suffix`. */
    readonly allowed_domains?: readonly string[] | undefined;
    readonly blocked_ports?: readonly number[] | undefined;
    /** Megabits per second over all runs of a tenant; at most this for one run. */
    readonly egress_bandwidth_mbps?: number | undefined;
  };
  readonly execution: {
    readonly max_cpu_seconds: number;
    /** MiB. */
    readonly max_memory_mb: number;
    readonly allowed_languages: readonly string[];
    readonly blocked_commands?: readonly string[] | undefined;
  };
  readonly audit?:
    | {
        readonly log_all_commands?: boolean | undefined;
        readonly log_network_requests?: boolean | undefined;
        readonly log_file_access?: boolean | undefined;
        /** Exporter beside the audit file, e.g. `splunk`; `file` is none. */
        readonly export_to?: string | undefined;
      }
    | undefined;
  /** By host name; asked before DNS. Grants nothing. */
  readonly hosts?: Readonly<Record<string, HostSettings>> | undefined;
  /** PEM file, absolute: trusted inside the sandbox and by the proxy. */
  readonly egress_ca_file?: string | undefined;
}

/** Where a host name of the settings really leads. */
export interface HostSettings {
  readonly address?: string | undefined;
  /** Port to dial by port asked for. */
  readonly port_map?: Readonly<Record<string, number>> | undefined;
  /** Permits an address in a private range. */
  readonly internal?: boolean | undefined;
}

/** What a job asks for; the settings cap each. */
export interface AskedLimits {
  readonly wallSeconds?: number;
  readonly cpuSeconds?: number;
  readonly memoryMb?: number;
}

const DEFAULT_WALL_SECONDS = 60;
/** A run that may burn its whole CPU time also has to boot and to wait for its disk. */
const WALL_OVER_CPU_SECONDS = 10;
const PIDS = 64;
const FILES = 65_536;
const EGRESS_BYTES_PER_SECOND = 12_500_000;
const OUTPUT_BYTES = 1 << 20;

/** Turns what a job asks for into its limits: never more than the settings allow. */
export const createLimits =
  ({ filesystem, execution }: Pick<OpenshellSettings, "filesystem" | "execution">) =>
  (asked: AskedLimits = {}): Limits => {
    const cpuSeconds = Math.min(asked.cpuSeconds ?? Infinity, execution.max_cpu_seconds);
    const wallSeconds = Math.min(
      asked.wallSeconds ?? DEFAULT_WALL_SECONDS,
      execution.max_cpu_seconds + WALL_OVER_CPU_SECONDS,
    );
    return {
      wallMs: wallSeconds * 1000,
      cpuMs: cpuSeconds * 1000,
      memoryBytes: Math.min(asked.memoryMb ?? Infinity, execution.max_memory_mb) * 2 ** 20,
      pids: PIDS,
      diskBytes: Math.floor(filesystem.max_size_gb * 2 ** 30),
      outputBytes: OUTPUT_BYTES,
      files: FILES,
      egressBytesPerSecond: EGRESS_BYTES_PER_SECOND,
    };
  };

const SYSTEM = ["bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr"];

/** Why a path may not be mounted inside the sandbox; undefined when it may. */
export const pathProblem = (path: string): string | undefined => {
  if (!path.startsWith("/")) return "is not absolute";
  if (path.includes("\0")) return "contains a NUL";
  const parts = path.split("/").filter(Boolean);
  if (parts.includes("..") || parts.includes(".")) return "contains . or ..";
  const top = parts[0];
  if (top === undefined) return "is the root";
  return SYSTEM.includes(top) ? `lies in /${top}, which belongs to the system` : undefined;
};

/** Whether two paths are the same or one lies in the other. */
export const overlap = (left: string, right: string): boolean =>
  isInside(left, right) || isInside(right, left);

const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

// One argument may have 128 KiB and all together about 2 MiB; we stay far below both.
const ARGUMENT_BYTES = 64 * 1024;

/** Why a job is refused before it starts; undefined when it may run. */
export const requestProblem = (
  request: RunRequest,
  { filesystem, execution }: Pick<OpenshellSettings, "filesystem" | "execution">,
): string | undefined => {
  if (!/^[a-z0-9-]{1,64}$/.test(request.runId)) return "run id is not [a-z0-9-]{1,64}";
  if (!execution.allowed_languages.includes(request.language)) {
    return `language ${request.language} is not among openshell.execution.allowed_languages`;
  }
  return (
    limitsProblem(request.limits) ??
    wordsProblem(request) ??
    mountsProblem(request.readonly, filesystem.allowed_paths) ??
    programProblem(request)
  );
};

const limitsProblem = (limits: Limits): string | undefined => {
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value > 0)) return `limit ${name} is not a positive number`;
  }
  return undefined;
};

const wordsProblem = ({ argv, env }: RunRequest): string | undefined => {
  const words = [...argv, ...Object.keys(env), ...Object.values(env)];
  if (words.some((word) => word.includes("\0"))) return "an argument or variable contains a NUL";
  if (Buffer.byteLength(words.join("\0")) > ARGUMENT_BYTES) {
    return `arguments and variables exceed ${ARGUMENT_BYTES} bytes; pass data on stdin`;
  }
  const badName = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  return badName === undefined ? undefined : "a variable's name is not [A-Za-z_][A-Za-z0-9_]*";
};

const mountsProblem = (
  mounts: RunRequest["readonly"],
  writable: readonly string[],
): string | undefined => {
  const seen: string[] = [];
  for (const [path, folder] of mounts) {
    const problem =
      pathProblem(path) ??
      ((path !== posix.normalize(path) || path.endsWith("/")
        ? "is not in its shortest form"
        : "") ||
        (writable.some((other) => overlap(path, other)) ? "overlaps a writable path" : "") ||
        (seen.some((other) => overlap(path, other)) ? "overlaps another mount" : ""));
    if (problem) return `mount ${path} ${problem}`;
    if (!folder.startsWith("/") || !isFolder(folder))
      return `mount ${path} has no folder behind it`;
    seen.push(path);
  }
  return undefined;
};

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The script must be a file of one of the mounts, reached without leaving it by a link. */
const programProblem = ({ program, readonly }: RunRequest): string | undefined => {
  if (program.kind === "source") return undefined;
  const script = program.path;
  const mount = [...readonly].find(([path]) => script.startsWith(`${path}/`));
  if (mount === undefined || script !== posix.normalize(script)) {
    return `script ${script} lies in no read-only mount`;
  }
  try {
    const folder = realpathSync(mount[1]);
    const file = realpathSync(join(folder, script.slice(mount[0].length)));
    const stat = statSync(file);
    if (!isInside(file, folder)) return `script ${script} is a link that leaves its folder`;
    if (!stat.isFile()) return `script ${script} is not a file`;
    // Jobs run as a user of their own, whom only the permissions for others concern.
    if (!(stat.mode & 0o004)) return `script ${script} is not readable by others: chmod o+r`;
    for (let path = dirname(file); isInside(path, folder); path = dirname(path)) {
      if (!(statSync(path).mode & 0o001)) return `${path} is closed to others: chmod o+rx`;
    }
    return undefined;
  } catch {
    return `script ${script} does not exist`;
  }
};

/** The interpreter of a language as a command line that the script's path is added to. */
export const interpreterOf = (language: Language, node: string): readonly string[] =>
  ({ python: ["/usr/bin/python3", "-I"], javascript: [node], bash: ["/bin/bash"] })[language];

/** Where the job's script lies inside the sandbox. */
export const scriptPathOf = ({ program }: RunRequest): string => {
  if (program.kind === "file") return program.path;
  throw new SandboxError("this engine runs files only");
};
