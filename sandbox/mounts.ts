import type { Language, SlotSpec } from "./driver.ts";
import type { Workshop } from "./workshop.ts";

/** What a sandbox shows beside /usr, /etc, /proc, /dev and its job folder. */
export interface Mounts {
  /** Host folder by path inside. */
  readonly readonly: ReadonlyMap<string, string>;
  /** Empty folders that nobody can write to. */
  readonly empty: readonly string[];
  readonly writable: readonly string[];
  /** Where a job starts, and its HOME. */
  readonly home: string;
}

/** Derives a slot's mounts from the settings and from what this run brings along. */
export const mountsFor = (
  workshop: Pick<Workshop, "filesystem" | "node">,
  { readonly: brought, language, wayOut }: Pick<SlotSpec, "readonly" | "language" | "wayOut">,
): Mounts => {
  const { allowed_paths, readonly_paths } = workshop.filesystem;
  const readonly = new Map([...brought, ...languageMounts(workshop, language)]);
  if (wayOut !== undefined) readonly.set(wayOut.path, wayOut.folder);
  return {
    readonly,
    // A mount may lie on the path itself, or somewhere below it.
    empty: readonly_paths.filter((path) => !readonly.has(path)),
    writable: allowed_paths,
    home: allowed_paths.find((path) => path === "/workspace") ?? allowed_paths[0] ?? "/",
  };
};

const languageMounts = (
  { node }: Pick<Workshop, "node">,
  language: Language,
): ReadonlyMap<string, string> => (language === "javascript" ? node.mounts : new Map());
