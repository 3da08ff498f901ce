import { statSync } from "node:fs";

/**
 * Remembers which files these paths lead to now. What it returns throws once one of them leads to
 * another file or to none: what is written by an open handle then is gone with the process.
 */
export const filesInPlace = (paths: readonly string[]): (() => void) => {
  const files = paths.map((path) => ({ path, id: idOf(path) }));
  return () => {
    for (const { path, id } of files) {
      if (idOf(path) !== id) throw new Error(`${path} was removed or replaced while in use`);
    }
  };
};

const idOf = (path: string): string | undefined => {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}/${stat.ino}`;
};
