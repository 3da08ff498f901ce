import { execFile } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readSync } from "node:fs";
import { promisify } from "node:util";

const BLOCK_BYTES = 4096;
// Inode tables and bitmaps, before we know better.
const FIRST_GUESS_BYTES = 1 << 20;
const INODE_BYTES = 256;
/** What the file system itself uses: the inodes that are reserved, its root, the writable folders. */
const OWN_INODES = 32;
const SUPERBLOCK_BYTE = 1024;

/** What a file system takes for itself, by size and number of files: it is the same every time. */
const overheads = new Map<string, number>();

/**
 * Makes a sparse ext4 image that holds `dataBytes` (less a few blocks for folders) and about `files`
 * files: its size is the disk limit, and nothing in the guest can make it larger.
 * @see https://man7.org/linux/man-pages/man8/mke2fs.8.html
 */
export const makeScratchDrive = async (
  path: string,
  { dataBytes, files }: { readonly dataBytes: number; readonly files: number },
): Promise<void> => {
  const blocks = Math.max(16, Math.floor(dataBytes / BLOCK_BYTES));
  const key = `${blocks} ${files}`;
  let overhead = overheads.get(key);
  if (overhead === undefined) {
    const guess = Math.ceil((FIRST_GUESS_BYTES + (files + OWN_INODES) * INODE_BYTES) / BLOCK_BYTES);
    overhead = guess - ((await makeFilesystem(path, blocks + guess, files)) - blocks);
    overheads.set(key, overhead);
  }
  await makeFilesystem(path, blocks + overhead, files);
};

/** Resolves with the number of free blocks. */
const makeFilesystem = async (path: string, blocks: number, files: number): Promise<number> => {
  const descriptor = openSync(path, "w+", 0o600);
  try {
    ftruncateSync(descriptor, blocks * BLOCK_BYTES);
    await promisify(execFile)(
      "/usr/sbin/mkfs.ext4",
      [
        ...["-q", "-F", "-b", String(BLOCK_BYTES), "-I", String(INODE_BYTES), "-m", "0"],
        ...["-N", String(files + OWN_INODES), "-O", "^has_journal,^resize_inode"],
        ...["-E", "lazy_itable_init=1,nodiscard", path],
      ],
      { env: {}, timeout: 30_000 },
    );
    const superblock = Buffer.alloc(1024);
    readSync(descriptor, superblock, 0, superblock.length, SUPERBLOCK_BYTE);
    // https://docs.kernel.org/filesystems/ext4/globals.html#super-block: s_free_blocks_count
    return superblock.readUInt32LE(0x0c) + superblock.readUInt32LE(0x158) * 2 ** 32;
  } finally {
    closeSync(descriptor);
  }
};
