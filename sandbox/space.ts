import { chownSync, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { Limits } from "./driver.ts";
import type { TmpfsOptions } from "./mounter.ts";

/** All that a job can write to: one file system in memory, so that its size is the limit of it all. */
export interface Space {
  /** Host folder by writable path inside; /dev/shm is one of them. */
  readonly folders: ReadonlyMap<string, string>;
  /** Under which name we see such a folder ourselves. */
  view(folder: string): string;
  /** Whether no byte or no file more fits in. */
  isFull(): boolean;
}

const SHARED_MEMORY = "/dev/shm";

/** How a space is to be mounted. Its pages count as the job's memory, too. */
export const spaceOptions = (
  { diskBytes, files }: Pick<Limits, "diskBytes" | "files">,
  writable: readonly string[],
  uid: number,
): TmpfsOptions => ({
  sizeBytes: diskBytes,
  // The root folder, /dev/shm and the writable paths themselves are none of the job's files.
  inodes: Math.floor(files) + writable.length + 2,
  uid,
});

/** Divides a fresh file system among the writable paths: a folder each, and all the size for all. */
export const createSpace = (
  folder: string,
  writable: readonly string[],
  uid: number,
  view: (path: string) => string,
): Space => {
  const paths = [SHARED_MEMORY, ...writable];
  const folders = new Map(paths.map((path, index) => [path, join(folder, String(index))]));
  for (const place of folders.values()) {
    mkdirSync(view(place), { mode: 0o700 });
    if (uid !== 0) chownSync(view(place), uid, uid);
  }
  return {
    folders,
    view,
    isFull() {
      const { bavail, ffree } = statfsSync(view(folder));
      return bavail === 0 || ffree === 0;
    },
  };
};
