import { StoreError } from "./errors.ts";
import { type FileLock, takeFileLock } from "./file-lock.ts";
import { makeStoreFile } from "./make-store-file.ts";

/**
 * Makes this process the only gateway on an embedded store, until `release` or its death.
 * Throws StoreError when another gateway holds it, or when there can be none here.
 */
export const takeReplicaLock = (folder: string): FileLock => {
  const file = makeStoreFile(folder, "replica.lock");
  const lock = takeLock(file);
  if (lock) return lock;
  throw new StoreError(
    `another gateway already runs on ${folder}; stop it first (an embedded store takes one)`,
  );
};

const takeLock = (file: string): FileLock | undefined => {
  try {
    return takeFileLock(file);
  } catch (cause) {
    throw new StoreError(`cannot lock ${file}; remove it if it is not ours`, { cause });
  }
};
