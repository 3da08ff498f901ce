import { execFile } from "node:child_process";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Limits } from "../../driver.ts";

const BLOCK_BYTES = 4096;
const INODE_BYTES = 256;
/** Reserved inodes, the file system's root and the folders that the guest makes in it. */
const OWN_INODES = 64;
const OWN_BYTES = 1 << 20;
/** Bitmaps, group descriptors and what the kernel keeps in reserve (at most 2 %). */
const OWN_SHARE = 1 / 25;

/**
 * Makes a sparse ext4 image with room for the disk limit and a little more, which the guest takes away
 * (guest/job_root.py). Nothing in the guest can make it larger.
 * @see https://man7.org/linux/man-pages/man8/mke2fs.8.html
 */
export const makeScratchDrive = async (
  path: string,
  { diskBytes, files }: Pick<Limits, "diskBytes" | "files">,
): Promise<void> => {
  const inodes = Math.ceil(files) + OWN_INODES;
  const bytes = diskBytes * (1 + OWN_SHARE) + inodes * INODE_BYTES + OWN_BYTES;
  const descriptor = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(descriptor, Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES);
  } finally {
    closeSync(descriptor);
  }
  await promisify(execFile)(
    "/usr/sbin/mkfs.ext4",
    [
      ...["-q", "-F", "-b", String(BLOCK_BYTES), "-I", String(INODE_BYTES), "-m", "0"],
      ...["-N", String(inodes), "-O", "^has_journal,^resize_inode"],
      ...["-E", "lazy_itable_init=1,nodiscard", path],
    ],
    { env: {}, timeout: 30_000 },
  );
};
