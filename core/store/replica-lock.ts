import Libsql from "libsql";
import { StoreError } from "./errors.ts";
import { makeStoreFile } from "./make-store-file.ts";

/**
 * Makes this process the only gateway on an embedded store, until `release` or its death: the lock
 * is the operating system's own on a file, so a crash cannot leave it behind.
 * Throws StoreError when another gateway holds it, or when there can be none here.
 */
export const takeReplicaLock = (folder: string): { release(): void } => {
  const file = makeStoreFile(folder, "replica.lock");
  const database = new Libsql(file);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!(cause instanceof Error && "code" in cause && cause.code === "SQLITE_BUSY")) {
      throw new StoreError(`cannot lock ${file}; remove it if it is not ours`, { cause });
    }
    throw new StoreError(
      `another gateway already runs on ${folder}; stop it first (an embedded store takes one)`,
      { cause },
    );
  }
  return {
    release: () => {
      database.close();
    },
  };
};
