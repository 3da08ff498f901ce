import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import type { OutputFile } from "./driver.ts";

/** How much of an outputs folder is taken along; what is beyond is left out. */
export interface OutputLimits {
  readonly files: number;
  /** Folders and files looked at, kept or not. */
  readonly entries: number;
  /** Folders below the outputs folder, one in the other. */
  readonly depth: number;
  /** Over all files, counted as they are read: a sparse file is as long as its zeros. */
  readonly bytes: number;
}

/** What a job left in its outputs folder. */
export interface Collected {
  /** In the order of their paths. */
  readonly files: readonly OutputFile[];
  /** Whether a limit left something out. */
  readonly isTruncated: boolean;
  /** Links, devices, sockets, pipes and files with a second name: never taken along. */
  readonly skipped: number;
}

const DEFAULT_LIMITS: OutputLimits = {
  files: 1_000,
  entries: 10_000,
  depth: 16,
  bytes: 64 << 20,
};
const CHUNK_BYTES = 1 << 18;
const SLASH = Buffer.from("/");
// Opening never follows a link, never waits for a pipe's other end, never takes a terminal.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads the files below `<home>/<name>`, a folder that a job could write to. Everything of the job
 * must be dead: what is looked at here must not change. Of a file that is not whole nothing is taken.
 * Does not throw for what it finds; a folder that is not there holds nothing.
 */
export const collectOutputs = async (
  home: string,
  name: string,
  limits: OutputLimits = DEFAULT_LIMITS,
): Promise<Collected> => {
  const files: OutputFile[] = [];
  let room = limits.bytes;
  let entries = 0;
  let skipped = 0;
  let isTruncated = false;

  const takeFile = async (place: Buffer, path: string): Promise<void> => {
    if (files.length === limits.files) {
      isTruncated = true;
      return;
    }
    const bytes = await readRegularFile(place, room);
    if (bytes === "not plain") skipped++;
    else if (bytes === "too long") isTruncated = true;
    else {
      room -= bytes.length;
      files.push({ path, bytes });
    }
  };

  const takeFolder = async (place: Buffer, path: string, depth: number): Promise<void> => {
    for (const entry of await namesIn(place)) {
      if (entries++ === limits.entries) isTruncated = true;
      if (entries > limits.entries) return;
      const child = Buffer.concat([place, SLASH, entry]);
      const childPath = `${path}/${printable(entry)}`;
      const kind = await kindOf(child);
      if (kind === "file") await takeFile(child, childPath);
      else if (kind === "other") skipped++;
      else if (depth < limits.depth) await takeFolder(child, childPath, depth + 1);
      else isTruncated = true;
    }
  };

  const root = Buffer.from(`${home}/${name}`);
  // The job may have put a link in its place.
  const kind = await kindOf(root);
  if (kind === "folder") await takeFolder(root, name, 0);
  else if (kind === "file") skipped++;
  return { files, isTruncated, skipped };
};

const kindOf = async (place: Buffer): Promise<"file" | "folder" | "other"> => {
  const stat = await lstat(place).catch(() => undefined);
  return stat?.isFile() ? "file" : stat?.isDirectory() ? "folder" : "other";
};

const namesIn = async (place: Buffer): Promise<readonly Buffer[]> => {
  const names = await readdir(place, { encoding: "buffer" }).catch(() => []);
  return names.sort(Buffer.compare);
};

/** The bytes of a regular file that has this one name, if they are no more than `most`. */
const readRegularFile = async (
  place: Buffer,
  most: number,
): Promise<Buffer | "not plain" | "too long"> => {
  let handle: FileHandle | undefined;
  try {
    const seen = await lstat(place);
    handle = await open(place, FLAGS);
    const stat = await handle.stat();
    const isSame = stat.dev === seen.dev && stat.ino === seen.ino;
    if (!stat.isFile() || stat.nlink !== 1 || !isSame) return "not plain";
    return await readUpTo(handle, most);
  } catch {
    return "not plain";
  } finally {
    await handle?.close();
  }
};

const readUpTo = async (handle: FileHandle, most: number): Promise<Buffer | "too long"> => {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    // One byte more than fits tells a file that fits from one that does not.
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, most - total + 1));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length);
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > most) return "too long";
    chunks.push(chunk.subarray(0, bytesRead));
  }
};

/**
 * A name as text from which its bytes can be told: what is not printable, not UTF-8, or a backslash
 * becomes `\xNN` by byte.
 */
const printable = (name: Buffer): string => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const hex = (bytes: Buffer) =>
    [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  let text = "";
  for (let at = 0; at < name.length; ) {
    const first = name[at] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const bytes = name.subarray(at, at + length);
    let character: string | undefined;
    try {
      character = decoder.decode(bytes);
    } catch {
      character = undefined;
    }
    const isPlain = character !== undefined && !/[\p{C}\p{Zl}\p{Zp}\\]/u.test(character);
    text += isPlain ? character : hex(character === undefined ? name.subarray(at, at + 1) : bytes);
    at += character === undefined ? 1 : length;
  }
  return text;
};
