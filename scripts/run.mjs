import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Runs a command to its end and returns what it printed on stdout.
 * Throws an Error that carries the command line and an excerpt of its output.
 */
export const run = (command, args, options = {}) => {
  const child = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 << 20, ...options });
  if (child.error === undefined && child.status === 0) return child.stdout;
  const cause = child.error?.message ?? `exit ${child.status ?? child.signal}`;
  const output = `${child.stdout ?? ""}${child.stderr ?? ""}`.trim().split("\n");
  throw new Error(`${command} ${args.join(" ")} failed (${cause})\n${excerpt(output)}`);
};

// Some tools put the reason first and a page of usage after it, others put it last.
const excerpt = (lines) =>
  (lines.length <= 30 ? lines : [...lines.slice(0, 10), "…", ...lines.slice(-15)]).join("\n");

/** Runs a command on this terminal and resolves with its exit code (128 + n when signal n ended it). */
export const runInForeground = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit" });
    // Ctrl-C reaches the child from the terminal itself; it decides when to stop, and we wait for it.
    const onInterrupt = () => {};
    const onTerminate = () => child.kill("SIGTERM");
    process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
    child.on("error", reject).on("exit", (code, signal) => {
      process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });

/** The absolute path of an executable file on PATH, or undefined. */
export const findOnPath = (name) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);

/** Whether this process may execute the file. */
export const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
