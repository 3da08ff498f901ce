import { realpathSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { blockedCommandIn } from "./blocked-commands.ts";
import type { FileTree, Limits, RunRequest } from "./driver.ts";
import { egressProblem } from "./grants.ts";
import { isInside, overlap, pathProblem } from "./mount-paths.ts";
import type { OpenshellSettings } from "./policy.ts";

// One argument may have 128 KiB and all together about 2 MiB; we stay far below both.
const ARGUMENT_BYTES = 64 * 1024;
const SOURCE_BYTES = 4 * 2 ** 20;
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Why a job is refused before it starts; undefined when it may run. */
export const requestProblem = (
  request: RunRequest,
  settings: Pick<OpenshellSettings, "filesystem" | "execution" | "network">,
): string | undefined => {
  const { filesystem, execution, network } = settings;
  for (const [what, name] of [
    ["run id", request.runId],
    ["tenant id", request.tenantId],
    ["name of the outputs folder", request.outputs ?? "out"],
  ] as const) {
    if (!isPlainName(name)) return `${what} is no plain name: letters, digits, and then . _ -`;
  }
  if (!execution.allowed_languages.includes(request.language)) {
    return `language ${request.language} is not among openshell.execution.allowed_languages`;
  }
  return (
    limitsProblem(request.limits) ??
    wordsProblem(request) ??
    mountsProblem(request, filesystem) ??
    programProblem(request) ??
    egressProblem(request, network) ??
    blockedCommandIn(request, execution.blocked_commands ?? [])
  );
};

/** Whether a name can be part of a path or a record and mean nothing else: no slash, no `..`. */
const isPlainName = (name: string): boolean => PLAIN_NAME.test(name) && !name.includes("..");

const limitsProblem = (limits: Limits): string | undefined => {
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value > 0)) return `limit ${name} is not a positive number`;
  }
  return undefined;
};

const wordsProblem = ({ argv, env, credentials }: RunRequest): string | undefined => {
  const names = [...Object.keys(env), ...credentials.map(({ name }) => name)];
  const words = [...argv, ...names, ...Object.values(env)];
  if (words.some((word) => word.includes("\0"))) return "an argument or variable contains a NUL";
  if (Buffer.byteLength(words.join("\0")) > ARGUMENT_BYTES) {
    return `arguments and variables exceed ${ARGUMENT_BYTES} bytes; pass data on stdin`;
  }
  if (names.some((name) => !VARIABLE.test(name))) {
    return "a variable's name is not [A-Za-z_][A-Za-z0-9_]*";
  }
  return new Set(names).size === names.length ? undefined : "a variable is given twice";
};

const mountsProblem = (
  { readonly, trees = new Map() }: RunRequest,
  { allowed_paths, readonly_paths }: OpenshellSettings["filesystem"],
): string | undefined => {
  const seen: string[] = [];
  for (const [path, source] of [...readonly, ...trees]) {
    const problem =
      pathProblem(path) ??
      ((path !== posix.normalize(path) || path.endsWith("/")
        ? "is not in its shortest form"
        : "") ||
        (readonly_paths.some((place) => isInside(path, withoutSlash(place)))
          ? ""
          : "lies in none of openshell.filesystem.readonly_paths") ||
        (allowed_paths.some((other) => overlap(path, other)) ? "overlaps a writable path" : "") ||
        (seen.some((other) => overlap(path, other)) ? "overlaps another mount" : "") ||
        (typeof source === "string" ? hostFolderProblem(source) : treeProblem(source)));
    if (problem) return `mount ${path} ${problem}`;
    seen.push(path);
  }
  return undefined;
};

/** A name of a tree leads to a place within it, and is written in one way only. */
const treeProblem = ({ files }: FileTree): string | undefined => {
  for (const name of files.keys()) {
    const isPlain = name.split("/").every((part) => !["", ".", ".."].includes(part));
    if (!isPlain || name.includes("\0")) return `has a file ${JSON.stringify(name)} outside of it`;
  }
  return undefined;
};

const withoutSlash = (path: string): string => path.replace(/\/+$/, "");

// Accounts and keys, devices, processes: with all that lies in them, and what holds them.
const MACHINE = ["/boot", "/dev", "/etc", "/proc", "/run", "/sys"];
const HOMES = ["/home", "/root", "/var"];

/** A folder of the host that is the machine itself is never handed in, by whatever name. */
const hostFolderProblem = (folder: string): string | undefined => {
  if (!folder.startsWith("/") || !isFolder(folder)) return "has no folder behind it";
  const real = realpathSync(folder);
  // The root is the one path that ends with its slash.
  const isMachine = real === "/" || MACHINE.some((place) => overlap(real, place));
  return isMachine || HOMES.includes(real) ? "would show the machine itself" : undefined;
};

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The script must be a file of one of the mounts, reached without leaving it by a link. */
const programProblem = ({
  program,
  readonly,
  trees = new Map(),
}: RunRequest): string | undefined => {
  if (program.kind === "source") {
    return Buffer.byteLength(program.text) > SOURCE_BYTES
      ? `the source exceeds ${SOURCE_BYTES} bytes`
      : undefined;
  }
  const script = program.path;
  const [at, tree] = [...trees].find(([path]) => script.startsWith(`${path}/`)) ?? [];
  if (at !== undefined && tree !== undefined) {
    return tree.files.has(script.slice(at.length + 1))
      ? undefined
      : `script ${script} does not exist`;
  }
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
