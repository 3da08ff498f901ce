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
  if (language === "bash") put(folder, "start", startScript(variables, [path, ...argv]));
  else put(folder, "frame", frame(variables, [path, ...argv]));
};

/** Words that each end with NUL: the variables, an empty one, the program and its arguments. */
const frame = (variables: readonly string[], words: readonly string[]): string =>
  [...variables, "", ...words].map((word) => `${word}\0`).join("");

/** Becomes bash with these variables; what a shell keeps to itself is none that a job could set. */
const startScript = (variables: readonly string[], words: readonly string[]): string =>
  [
    ...variables.map((variable) => `command export ${quoted(variable)} 2>/dev/null`),
    `exec /bin/bash -- ${words.map(quoted).join(" ")} <${JOB_FOLDER}/stdin`,
  ].join("\n");

const put = (folder: string, name: string, bytes: string | Buffer): void => {
  const file = openSync(join(folder, name), "wx");
  try {
    writeFileSync(file, bytes);
    fchmodSync(file, 0o644); // the job's user reads it, whatever our umask is
  } finally {
    closeSync(file);
  }
};
