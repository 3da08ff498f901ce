import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { takeFileLock } from "../store/file-lock.ts";
import { KeyError } from "./errors.ts";

const MAX_BYTES = 64 * 1024;

/**
 * The text of a file that nobody else may read; undefined when there is none.
 * Throws KeyError when it is open to others or cannot be read.
 */
export const readPrivateFile = (path: string): string | undefined => {
  let handle: number | undefined;
  try {
    // Non-blocking, so that a pipe cannot hold up the start.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw new KeyError(`key file ${path} is not a regular file`);
    if (stat.size > MAX_BYTES)
      throw new KeyError(`key file ${path} is larger than ${MAX_BYTES} bytes`);
    refuseOpenToOthers(path, stat);
    return readFileSync(handle, "utf8");
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    const code = codeOf(cause);
    if (code === "ENOENT") return undefined;
    throw new KeyError(
      `cannot read key file ${path} (${code}): the user who runs the gateway must be able to`,
      { cause },
    );
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
};

/** Makes the file unless there is one; it appears whole and on disk, or not at all. Throws KeyError. */
export const createPrivateFile = (path: string, text: string): void => {
  writing(path, () => {
    const folder = dirname(path);
    if (makeFolder(folder)) syncFolder(dirname(folder));
    // Written beside and then linked: whoever is second fails, and nobody sees half a file.
    const draft = `${path}.${process.pid}-${randomBytes(6).toString("hex")}`;
    try {
      writeDraft(draft, text);
      linkSync(draft, path);
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause;
    } finally {
      rmSync(draft, { force: true });
    }
    syncFolder(folder);
  });
};

/**
 * Puts a new text in the file's place at once, with the old one's owner and mode. One process at a
 * time does so. Throws KeyError.
 * @param change makes the new text; is called when nobody else can change the file any more
 */
export const changePrivateFile = (path: string, change: () => string): void => {
  writing(path, () => {
    // What a symbolic link leads to is replaced, not the link.
    const target = realpathSync(path);
    const lock = takeFileLock(`${target}.lock`);
    if (!lock) {
      throw new KeyError(
        `key file ${path} is being changed by another process: run this again when that has ended`,
      );
    }
    try {
      const owner = statSync(target);
      // Root's lock would keep the gateway's own user from the next rotation. Not through a link.
      if (process.getuid?.() === 0) lchownSync(`${target}.lock`, owner.uid, owner.gid);
      const text = change();
      if (Buffer.byteLength(text) > MAX_BYTES) {
        throw new KeyError(`key file ${path} is full: remove the oldest keys from its end`);
      }
      const draft = `${target}.next`;
      rmSync(draft, { force: true }); // of somebody who was killed here
      try {
        writeDraft(draft, text, owner);
        renameSync(draft, target);
      } catch (cause) {
        rmSync(draft, { force: true }); // it holds keys
        throw cause;
      }
      syncFolder(dirname(target));
    } finally {
      lock.release();
    }
  });
};

const writeDraft = (draft: string, text: string, like?: Stats): void => {
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(handle, text);
    if (like && (like.uid !== process.getuid?.() || like.gid !== process.getgid?.())) {
      // Root may rotate the key of a gateway that runs as somebody else.
      fchownSync(handle, like.uid, like.gid);
    }
    if (like) fchmodSync(handle, like.mode & 0o777);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

// As PostgreSQL has it for its server key: the owner alone, or root's file that our group may read,
// which is what a mounted Kubernetes secret looks like.
// https://www.postgresql.org/docs/current/ssl-tcp.html
const refuseOpenToOthers = (path: string, { mode, uid }: Stats): void => {
  const us = process.getuid?.();
  if (us === undefined) return; // a system without such modes
  const allowed = uid === 0 && us !== 0 ? 0o740 : 0o700;
  if ((mode & 0o777 & ~allowed) !== 0) {
    throw new KeyError(
      `key file ${path} is open to others (mode ${(mode & 0o777).toString(8)}): chmod 600 ${path}, ` +
        "and rotate the key if somebody may have read it",
    );
  }
  if (uid !== us && uid !== 0 && us !== 0) {
    throw new KeyError(
      `key file ${path} belongs to another user (uid ${uid}): chown it to uid ${us}`,
    );
  }
};

/** @returns whether it was made just now */
const makeFolder = (folder: string): boolean => {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
};

const syncFolder = (folder: string): void => {
  const handle = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

const writing = (path: string, work: () => void): void => {
  try {
    work();
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    const advice =
      codeOf(cause) === "ENOSPC"
        ? "make room on its disk; nothing was changed"
        : "set storage.key_file to a place that the user who runs this may write, in a folder that exists";
    throw new KeyError(`cannot write key file ${path} (${codeOf(cause)}); ${advice}`, { cause });
  }
};

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
