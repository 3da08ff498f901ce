import { readFileSync, rmdirSync, writeFileSync } from "node:fs";

/** The words of a control file; none when it is not there. */
export const words = (file: string): string[] => {
  try {
    return readFileSync(file, "latin1").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
};

/** The number that a file consists of; 0 when it is not there. */
export const integer = (file: string): number => Number(words(file)[0] ?? 0);

/** The number after a key in a file of `key value` lines; 0 when it is not there. */
export const field = (file: string, key: string): number => {
  const all = words(file);
  const at = all.indexOf(key);
  return at < 0 ? 0 : Number(all[at + 1] ?? 0);
};

export const write = (file: string, value: number | string): void =>
  writeFileSync(file, String(value));

/** Writes where the kernel has such a file; false where it has not, or the group is gone. */
export const writeIfThere = (file: string, value: number | string): boolean => {
  try {
    writeFileSync(file, String(value), { flag: "r+" });
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOENT", "ENODEV"].includes(code)) return false;
    throw error;
  }
};

/** True once the folder is gone, false while the kernel calls it busy. */
export const removeFolder = (folder: string): boolean => {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code === "EBUSY") return false;
    throw error;
  }
};
