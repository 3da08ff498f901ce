import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Libsql from "libsql";
import { StoreError } from "./errors.ts";

/**
 * Makes this process the only gateway on an embedded store, until `release` or its death: the lock
 * is the operating system's own on a file, so a crash cannot leave it behind.
 * Throws StoreError when another gateway holds it.
 */
export const takeReplicaLock = (folder: string): { release(): void } => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new Libsql(join(folder, "replica.lock"));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
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
