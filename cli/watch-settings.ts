import { type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "../core/contract/log.ts";

// Editors and Kubernetes make several changes for one; wait until they are over.
const QUIET_MS = 200;

/**
 * Calls back when the text of the settings file has changed, and at every SIGHUP (files that the
 * settings refer to may have). The folder is watched, not the file: editors replace the file, and
 * Kubernetes swaps a link beside it.
 * @see https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
 * @returns what ends the watch
 */
export const watchSettings = (file: string, onChange: () => void, log: Log): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  let text = textOf(file);
  const look = (): void => {
    const now = textOf(file);
    if (now === text) return;
    text = now;
    onChange();
  };
  const notWatched = (cause: unknown): void => {
    log.warn({ err: cause }, "the settings file is not watched; SIGHUP still reloads it");
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), () => {
      clearTimeout(timer);
      timer = setTimeout(look, QUIET_MS);
    }).on("error", notWatched);
  } catch (cause) {
    notWatched(cause); // e.g. the system's limit of watches is reached
  }
  process.on("SIGHUP", onChange);
  return () => {
    clearTimeout(timer);
    watcher?.close();
    process.off("SIGHUP", onChange);
  };
};

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // being replaced right now, or gone: the loader says which
  }
};
