import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { StoreError } from "./errors.ts";

/**
 * Makes sure of a file in a store's folder, both open to nobody but their owner: it holds what
 * people wrote, whoever may look into the folder. SQLite's own files follow its mode.
 * Throws StoreError when either cannot be made or written.
 * @returns the path of the file
 */
export const makeStoreFile = (folder: string, name: string): string => {
  const file = join(folder, name);
  try {
    makeFolder(folder);
    closeSync(openSync(file, "a", 0o600));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new StoreError(
      `cannot write ${file} (${code}); set storage.url to a folder that the gateway's user may write`,
      { cause },
    );
  }
  return file;
};

// Not `recursive: true`: below /proc, where nothing can be made, Node then tries for ever.
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    if (!existsSync(folder)) throw cause; // else another process made it just now
  }
};
