import { posix } from "node:path";
import { overlap, pathProblem } from "../mount-paths.ts";
import type { PolicyDocument } from "./document.ts";
import type { Note } from "./finding.ts";

/** Where a job may write and read, as `openshell.filesystem` says it. */
export interface Folders {
  readonly allowed_paths: readonly string[];
  readonly readonly_paths: readonly string[];
}

/** The folder that a run starts in, which is what OpenShell calls its working directory. */
export const WORKDIR = "/workspace";

type Filesystem = PolicyDocument["filesystem_policy"];

/** Says which folders a policy gives; what our settings cannot say is noted. */
export const foldersOf = (filesystem: Filesystem, note: Note): Folders => {
  const section = "filesystem_policy";
  const { read_write = [], read_only = [] } = filesystem ?? {};
  // Absent together with its section it is on, absent alone it is off.
  const hasWorkdir = filesystem === undefined || filesystem.include_workdir === true;
  if (filesystem?.include_workdir !== undefined) {
    const why = hasWorkdir
      ? `The working directory is ${WORKDIR}, empty at the start and gone after the run.`
      : "No working directory is added.";
    note([section, "include_workdir"], "enforced", why);
  }
  const writable: string[] = hasWorkdir ? [WORKDIR] : [];
  for (const [index, raw] of read_write.entries()) {
    const at = [section, "read_write", index];
    const path = shortest(raw);
    const other = writable.find((each) => overlap(each, path));
    if (pathProblem(path) !== undefined) {
      const why =
        "A run has a small system and a /dev of its own; only the devices in it are writable.";
      note(at, "approximated", why);
    } else if (other === undefined) {
      writable.push(path);
      note(at, "enforced", "Writable, empty at the start and gone after the run.");
    } else if (path === other || path.startsWith(`${other}/`)) {
      note(at, "enforced", `Writable as part of ${other}.`);
    } else {
      // The wider folder takes the place of those inside it.
      const inside = writable.filter((each) => each.startsWith(`${path}/`));
      for (const each of inside) writable.splice(writable.indexOf(each), 1);
      writable.push(path);
      note(at, "enforced", "Writable, empty at the start and gone after the run.");
    }
  }
  const readable: string[] = [];
  for (const [index, raw] of read_only.entries()) {
    const at = [section, "read_only", index];
    const path = shortest(raw);
    const host = writable.find((each) => overlap(each, path));
    const other = readable.find((each) => overlap(each, path));
    if (pathProblem(path) !== undefined) {
      const why = "A run sees a small system of its own, not the host's folder.";
      note(at, "approximated", why);
    } else if (host?.startsWith(`${path}/`)) {
      note(at, "approximated", `Holds the writable ${host}, beside which nothing is shown.`);
    } else if (host !== undefined) {
      const why = `Lies in the writable ${host}, so it can be written; nothing of the host is in it.`;
      note(at, "unenforceable", why);
    } else if (other !== undefined && (path === other || path.startsWith(`${other}/`))) {
      note(at, "enforced", `Readable as part of ${other}.`);
    } else {
      const inside = readable.filter((each) => each.startsWith(`${path}/`));
      for (const each of inside) readable.splice(readable.indexOf(each), 1);
      readable.push(path);
      note(at, "approximated", "Readable; shows what a run brings along, not the host's folder.");
    }
  }
  return { allowed_paths: writable, readonly_paths: readable };
};

/** A path without doubled slashes, `.` and a slash at its end. */
export const shortest = (path: string): string => {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
};
