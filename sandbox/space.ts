import type { Limits } from "./driver.ts";

/** Room for semaphores and small shared buffers; data belongs into the writable paths. */
const SHARED_MEMORY_BYTES = 1 << 20;
const PAGE_BYTES = 4096;

/** Sizes of the writable mounts by path; together never more than the disk limit. */
export const shareSpace = (
  { diskBytes }: Pick<Limits, "diskBytes">,
  writable: readonly string[],
): ReadonlyMap<string, number> => {
  const pages = Math.floor(diskBytes / PAGE_BYTES);
  const sharedPages = Math.min(SHARED_MEMORY_BYTES / PAGE_BYTES, Math.floor(pages / 8));
  const eachPages = Math.floor((pages - sharedPages) / Math.max(1, writable.length));
  // A tmpfs of size 0 is one without a limit.
  const sizeBytes = (count: number) => Math.max(1, count) * PAGE_BYTES;
  return new Map([
    ["/dev/shm", sizeBytes(sharedPages)],
    ...writable.map((path): [string, number] => [path, sizeBytes(eachPages)]),
  ]);
};
