import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** SHA-256 (hex) over the names and bytes of files and folders below `root`; `salt` is any further text. */
export const hashOf = (root, paths, salt = "") => {
  const hash = createHash("sha256").update(salt);
  for (const path of paths.flatMap((path) => filesBelow(root, path)).sort()) {
    hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest("hex");
};

/** Whether the stamp file says exactly this. */
export const isStamped = (file, text) => {
  try {
    return readFileSync(file, "utf8") === text;
  } catch {
    return false;
  }
};

/** Writes the stamp; the last step of the work that it vouches for. */
export const stamp = (file, text) => writeFileSync(file, text);

const filesBelow = (root, path) => {
  try {
    return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? filesBelow(root, `${path}/${entry.name}`) : [`${path}/${entry.name}`],
    );
  } catch (error) {
    if (error.code === "ENOTDIR") return [path];
    if (error.code === "ENOENT") return [];
    throw error;
  }
};
