import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Skill } from "../core/contract/skill.ts";
import type { SkillProblem } from "./errors.ts";

const MAX_FILES = 1000;
const MAX_DEPTH = 12;
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;

// A file that others may not read holds what is not for jobs, be it as another name of a host's file.
const READABLE_FILE = 0o004;
const READABLE_FOLDER = 0o005;

/** Names that a terminal, a log or a sandbox could read differently from what they are. */
const UNSAFE_NAME = /[\p{C}\\]/u;

/**
 * Reads a folder that nobody vouches for. Only plain files and folders with printable UTF-8 names
 * are taken; a link, even one that stays inside, is a problem, since what it names can change after
 * the digest was taken. Stops at the first limit that is exceeded. Adds what it refuses to `problems`.
 */
export const readTree = async (
  folder: string,
  problems: SkillProblem[],
): Promise<Skill["files"]> => {
  const files = new Map<string, Buffer>();
  let entries = 0;
  let totalBytes = 0;

  /** False when a limit was hit and reading must stop. */
  const walk = async (relative: string, depth: number): Promise<boolean> => {
    const refuse = (file: string, found: string, expected: string) =>
      problems.push({ file, found, expected });
    // Names as bytes: text would hide that a name is not valid UTF-8.
    const directory = await opendir(join(folder, relative), { encoding: "latin1" });
    for await (const entry of directory) {
      entries += 1;
      if (entries > MAX_FILES) {
        refuse(".", "a larger tree", `at most ${MAX_FILES} files and folders`);
        return false;
      }
      const bytes = Buffer.from(entry.name, "latin1");
      const name = bytes.toString("utf8");
      const path = relative === "" ? name : `${relative}/${name}`;
      if (!Buffer.from(name, "utf8").equals(bytes) || UNSAFE_NAME.test(name)) {
        refuse(JSON.stringify(path), "an unsafe name", "printable UTF-8 without backslashes");
        continue;
      }
      const stat = await lstat(join(folder, path));
      const needed = stat.isDirectory() ? READABLE_FOLDER : READABLE_FILE;
      if (!stat.isSymbolicLink() && (stat.mode & needed) !== needed) {
        refuse(path, "something that others may not read", "a folder after `chmod -R a+rX`");
      } else if (stat.isDirectory()) {
        if (depth >= MAX_DEPTH) {
          refuse(path, "a deeper tree", `at most ${MAX_DEPTH} levels of folders`);
          return false;
        }
        if (!(await walk(path, depth + 1))) return false;
      } else if (stat.isSymbolicLink()) {
        refuse(path, "a symbolic link", "a regular file");
      } else if (!stat.isFile()) {
        refuse(path, "a device, socket or pipe", "a regular file");
      } else {
        const content = await readRegularFile(join(folder, path), MAX_TOTAL_BYTES - totalBytes);
        if (content === undefined) {
          refuse(path, "a file that is too big or changed", `a folder of ${MAX_TOTAL_BYTES} bytes`);
          return false;
        }
        totalBytes += content.length;
        files.set(path, content);
      }
    }
    return true;
  };

  await walk("", 1);
  return files;
};

/** The bytes, or undefined when it is more than `maxBytes` or no regular file any more. */
const readRegularFile = async (path: string, maxBytes: number): Promise<Buffer | undefined> => {
  // What lstat saw may have been swapped since: do not follow a link, do not block on a pipe.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags);
  try {
    const stat = await file.stat();
    const isOpen = (stat.mode & READABLE_FILE) !== 0;
    if (!stat.isFile() || !isOpen || stat.size > maxBytes) return undefined;
    const content = await file.readFile();
    return content.length <= maxBytes ? content : undefined;
  } finally {
    await file.close();
  }
};

/** SHA-256, hex, over names in byte order and contents, each preceded by its length. */
export const digestOf = (files: Skill["files"]): string => {
  const hash = createHash("sha256");
  const sorted = [...files].map(([name, content]) => [Buffer.from(name, "utf8"), content] as const);
  sorted.sort(([a], [b]) => Buffer.compare(a, b));
  for (const part of sorted.flat()) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
};
