import { closeSync, fchmodSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunRequest, SlotSpec } from "../driver.ts";
import { quoted } from "./command-line.ts";
import { JOB_FOLDER, LAUNCHERS } from "./launchers.ts";

/** The names of a job folder's files that a driver has to know. */
export const HOSTS_FILE = "hosts";

/**
 * Makes a slot's job folder, which the sandbox shows at `JOB_FOLDER`, with the launcher of its
 * language in it.
 */
export const makeJobFolder = (folder: string, { language, wayOut }: SlotSpec): void => {
  const { name, source } = LAUNCHERS[language];
  mkdirSync(folder, { mode: 0o755 });
  put(folder, name, source);
  if (wayOut !== undefined) put(folder, HOSTS_FILE, `${LOOPBACK}${wayOut.hosts}`);
};

/** What /etc/hosts says in every sandbox. */
export const LOOPBACK = "127.0.0.1 localhost\n::1 localhost\n";

/**
 * Lays a job down where its launcher finds it, so that the kernel's limits for command lines do not
 * apply to it and nothing of it is on one.
 */
export const writeJob = (
  folder: string,
  { program, language, argv, stdin }: RunRequest,
  env: Readonly<Record<string, string>>,
): void => {
  const file = LAUNCHERS[language].program;
  if (program.kind === "source") put(folder, file, program.text);
  const path = program.kind === "source" ? join(JOB_FOLDER, file) : program.path;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  put(folder, "stdin", stdin);
  if (language === "bash") {
    const begin = program.kind === "source" && isSourceable(program.text, env) ? source : become;
    put(folder, "start", begin(variables, [path, ...argv]));
  } else put(folder, "frame", frame(variables, [path, ...argv]));
};

/** Words that each end with NUL: the variables, an empty one, the program and its arguments. */
const frame = (variables: readonly string[], words: readonly string[]): string =>
  [...variables, "", ...words].map((word) => `${word}\0`).join("");

/** Becomes another bash with these variables; what a shell keeps to itself a job cannot set. */
const become = (variables: readonly string[], words: readonly string[]): string =>
  [
    ...variables.map((variable) => `command export ${quoted(variable)} 2>/dev/null`),
    `exec /bin/bash -- ${words.map(quoted).join(" ")} <${JOB_FOLDER}/stdin`,
  ].join("\n");

/** Lets the bash that waits run the script, under its name and with nothing else that tells. */
const source = (variables: readonly string[], [path = "", ...words]: readonly string[]): string =>
  [
    ...variables.map((variable) => `export ${quoted(variable)}`),
    `exec <${JOB_FOLDER}/stdin`,
    `set -- ${words.map(quoted).join(" ")}`,
    `BASH_ARGV0=${quoted(path)}`,
    `. ${quoted(path)}`,
  ].join("\n");

// What tells a script that it is sourced, or works in none other.
const TELLS = /return|BASH_|FUNCNAME|caller|SHLVL|\0/i;
// To a bash that runs already these mean something else than to one that starts with them.
const SHELLS_OWN =
  /^(?:BASH|DIRSTACK|E?UID|FUNCNAME|GROUPS|HIST|HOSTNAME|IFS|LINENO|OPT|PIPESTATUS|POSIXLY|PPID|PS\d|RANDOM|SECONDS|SHELL|SHLVL|SRANDOM|EPOCH|ENV$)/;

const isSourceable = (text: string, env: Readonly<Record<string, string>>): boolean =>
  !TELLS.test(text) && !Object.keys(env).some((name) => SHELLS_OWN.test(name));

const put = (folder: string, name: string, bytes: string | Buffer): void => {
  const file = openSync(join(folder, name), "wx");
  try {
    writeFileSync(file, bytes);
    fchmodSync(file, 0o644); // the job's user reads it, whatever our umask is
  } finally {
    closeSync(file);
  }
};
