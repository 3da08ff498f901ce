import Libsql from "libsql";

/** What only one process at a time may hold. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the lock that `file` stands for, until `release` or the death of this process: it is the
 * operating system's own, so a crash cannot leave it behind. The file is made, and stays empty.
 * Undefined when it is held already; throws when the file cannot be used for it.
 */
export const takeFileLock = (file: string): FileLock | undefined => {
  const database = new Libsql(file);
  try {
    // Who may not write the file gets no lock from BEGIN EXCLUSIVE, and no error either: the write,
    // which is never committed, fails then. Its journal stays in memory, so nothing is left behind.
    database.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1",
    );
    return {
      release: () => {
        database.close();
      },
    };
  } catch (cause) {
    database.close();
    if (cause instanceof Error && "code" in cause && cause.code === "SQLITE_BUSY") return undefined;
    throw cause;
  }
};
