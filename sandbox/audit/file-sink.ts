import { constants } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, SandboxError } from "../errors.ts";
import type { AuditSink } from "./trail.ts";

export interface FileSinkOptions {
  /** The file to append to now, absolute; asked before each write, so a date in it rotates. */
  path(): string;
  /** What is written when lines could not be kept: one JSON object on one line. */
  lossLine(count: number): string;
  readonly log: { warn(fields: object, text: string): void };
}

// What may wait in memory while the disk is slow or full.
const WAITING_BYTES = 16 << 20;
const BATCH_BYTES = 1 << 20;
const RETRY_MS = 1_000;

/**
 * Appends lines to a file that only we may read, off the event loop. A full disk costs no memory
 * beyond a bound: what does not fit is counted, and the count itself is written when there is space.
 * The file may be moved away at any time (logrotate): the next batch goes to a new one.
 * Throws SandboxError when the file cannot be opened now.
 */
export const openFileSink = async (options: FileSinkOptions): Promise<AuditSink> => {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let unreported = 0;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  let work: Promise<void> | undefined;
  let problem: string | undefined;
  let file = await openForAppending(options.path()).catch((cause: unknown) => {
    throw new SandboxError(`cannot open the audit file ${options.path()}: ${messageOf(cause)}`, {
      cause,
    });
  });

  /** Closes a file that is no longer where it should be, and opens the one that is. */
  const current = async (): Promise<OpenFile> => {
    const path = options.path();
    const found = await stat(path).catch(() => undefined);
    if (path === file.path && found?.ino === file.inode && found.dev === file.device) return file;
    const next = await openForAppending(path);
    await file.handle.datasync().catch(() => {});
    await file.handle.close();
    file = next;
    return file;
  };

  const nextBatch = (): Buffer => {
    const batch: Buffer[] = [];
    for (let size = 0; size < BATCH_BYTES; ) {
      const line = waiting.shift();
      if (line === undefined) break;
      batch.push(line);
      size += line.length;
    }
    return Buffer.concat(batch);
  };

  /** Puts back what did not get to the disk, whole lines only, so that another file may take it. */
  const putBack = (batch: Buffer, writtenBytes: number) => {
    const lineStart = writtenBytes === 0 ? 0 : batch.lastIndexOf("\n", writtenBytes - 1) + 1;
    waiting.unshift(batch.subarray(lineStart));
    waitingBytes += batch.length - lineStart;
    file.isTorn = lineStart !== writtenBytes;
  };

  const writeBatch = async () => {
    const target = await current();
    if (target.isTorn) {
      await writeAll(target.handle, Buffer.from("\n"));
      target.isTorn = false;
    }
    if (unreported > 0) {
      const count = unreported;
      unreported = 0;
      waiting.unshift(Buffer.from(`${options.lossLine(count)}\n`));
      waitingBytes += waiting[0]?.length ?? 0;
    }
    const batch = nextBatch();
    waitingBytes -= batch.length;
    const progress = { writtenBytes: 0 };
    try {
      await writeAll(target.handle, batch, progress);
    } catch (error) {
      putBack(batch, progress.writtenBytes);
      throw error;
    }
  };

  const writeWaiting = async () => {
    try {
      while (waiting.length > 0 || unreported > 0) await writeBatch();
      problem = undefined;
    } catch (error) {
      if (problem === undefined) {
        options.log.warn({ error: messageOf(error) }, "the audit file cannot be written");
      }
      problem = messageOf(error);
      if (!isClosed) retry ??= setTimeout(start, RETRY_MS).unref();
    }
  };
  const start = (): Promise<void> => {
    clearTimeout(retry);
    retry = undefined;
    work ??= writeWaiting().finally(() => {
      work = undefined;
    });
    return work;
  };

  const flush = async () => {
    await work;
    if (waiting.length > 0 || unreported > 0) await start();
    if (problem !== undefined) throw new SandboxError(`the audit file is not written: ${problem}`);
    await file.handle.datasync();
  };

  return {
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      if (isClosed || waitingBytes + bytes.length > WAITING_BYTES) {
        dropped++;
        unreported++;
        return;
      }
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (retry === undefined) void start();
    },
    flush,
    get dropped() {
      return dropped;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await flush().catch(() => {}); // it was warned of when it began
      clearTimeout(retry);
      await file.handle.close().catch(() => {});
    },
  };
};

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly inode: number;
  readonly device: number;
  /** Whether its last line is a part of one: a crash or a full disk cut it off. */
  isTorn: boolean;
}

const openForAppending = async (path: string): Promise<OpenFile> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  const handle = await open(path, flags, 0o600);
  try {
    const { ino, dev, size } = await handle.stat();
    const last = Buffer.alloc(1, "\n");
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    return { path, handle, inode: ino, device: dev, isTorn: last.toString() !== "\n" };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const writeAll = async (
  handle: FileHandle,
  bytes: Buffer,
  progress: { writtenBytes: number } = { writtenBytes: 0 },
): Promise<void> => {
  while (progress.writtenBytes < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, progress.writtenBytes);
    progress.writtenBytes += bytesWritten;
  }
};
