import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { isVariantOf } from "./blocked-commands.ts";

const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"];
// One program that is a hundred commands, each under its own name and as its first argument.
const MANY_IN_ONE = ["busybox", "toybox"];

/**
 * The programs below /usr that must not exist inside: those of `execution.blocked_commands` that are
 * one word, with their variants (`mkfs.ext4`) and what their links lead to. Absolute, sorted, no links.
 */
export const absentPrograms = (blocked: readonly string[]): readonly string[] => {
  const names = blocked.map((text) => text.trim()).filter((text) => /^\S+$/.test(text));
  if (names.length === 0) return [];
  const wanted = [...names.map((name) => basename(name)), ...MANY_IN_ONE];
  const found = new Set<string>();
  for (const folder of FOLDERS) {
    for (const program of programsIn(folder)) {
      if (!wanted.some((name) => isVariantOf(program, name))) continue;
      const path = realFile(join(folder, program));
      if (path?.startsWith("/usr/")) found.add(path);
    }
  }
  return [...found].sort();
};

const programsIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** What a path leads to, when that is a file. */
const realFile = (path: string): string | undefined => {
  try {
    const real = realpathSync(path);
    return lstatSync(real).isFile() ? real : undefined;
  } catch {
    return undefined;
  }
};
