import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "./clock.ts";
import type { FileTree } from "./driver.ts";
import type { Workshop } from "./workshop.ts";

/** Trees of files, each laid down once in a folder that is ours alone and lent to runs. */
export interface Trees {
  /**
   * Host folders that hold the trees, under the same keys, until they are given back. The same tree is
   * the same folder as long as somebody has it, and for some minutes more.
   */
  borrow(trees: ReadonlyMap<string, FileTree>): Promise<BorrowedTrees>;
}

export interface BorrowedTrees {
  readonly folders: ReadonlyMap<string, string>;
  giveBack(): void;
}

interface Laid {
  readonly folder: Promise<string>;
  borrowers: number;
  usedAt: number;
}

/** As long as a sandbox that was booted ahead may wait for a run with this tree, and longer. */
const KEPT_MS = 600_000;

/**
 * Nobody vouches for a folder once it was read: between the check and the run it may be changed.
 * So what runs is a copy of the bytes that were checked. Everything in it may be read and executed.
 */
export const createTrees = (
  workshop: Pick<Workshop, "createFolder">,
  clock: Pick<Clock, "now">,
): Trees => {
  const laid = new Map<string, Laid>();
  let count = 0;

  const find = (tree: FileTree): Laid => {
    const known = laid.get(tree.digest);
    if (known !== undefined) return known;
    const folder = workshop.createFolder(`tree-${count++}`, 0);
    const fresh = { folder: layDown(folder, tree), borrowers: 0, usedAt: clock.now() };
    laid.set(tree.digest, fresh);
    fresh.folder.catch(() => laid.delete(tree.digest)); // told by whoever waits for it
    return fresh;
  };

  const dropOld = (): void => {
    for (const [digest, { folder, borrowers, usedAt }] of laid) {
      if (borrowers > 0 || clock.now() - usedAt < KEPT_MS) continue;
      laid.delete(digest);
      folder.then((path) => rm(path, { recursive: true, force: true })).catch(() => {}); // the next start sweeps
    }
  };

  return {
    async borrow(trees) {
      const found = [...trees].map(([key, tree]) => [key, find(tree)] as const);
      for (const [, one] of found) one.borrowers++;
      let isBack = false;
      const giveBack = (): void => {
        if (isBack) return;
        isBack = true;
        for (const [, one] of found) {
          one.borrowers--;
          one.usedAt = clock.now();
        }
        dropOld();
      };
      try {
        const folders = found.map(async ([key, { folder }]) => [key, await folder] as const);
        return { folders: new Map(await Promise.all(folders)), giveBack };
      } catch (error) {
        giveBack();
        throw error;
      }
    },
  };
};

const layDown = async (folder: string, { files }: FileTree): Promise<string> => {
  try {
    await chmod(folder, OPEN); // the job's user walks in, whatever our umask is
    for (const [name, bytes] of files) {
      await makeFolders(folder, dirname(name));
      const path = join(folder, name);
      await writeFile(path, bytes, { flag: "wx" });
      await chmod(path, OPEN);
    }
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};

const OPEN = 0o755;

const makeFolders = async (root: string, relative: string): Promise<void> => {
  if (relative === ".") return;
  await makeFolders(root, dirname(relative));
  const path = join(root, relative);
  const isNew = await mkdir(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      return false;
    },
  );
  if (isNew) await chmod(path, OPEN);
};
