import { pathProblem } from "../mount-paths.ts";
import type { OpenshellSettings } from "../policy.ts";
import type { PolicyDocument } from "./document.ts";
import { type Folders, foldersOf, shortest, WORKDIR } from "./filesystem.ts";
import type { Note } from "./finding.ts";

type Filesystem = PolicyDocument["filesystem_policy"];

// Without these no program starts; here every run has its own of them without saying so.
const SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/dev/urandom"];

/** Says the settings' folders in OpenShell's words, changing of `document` only what differs. */
export const exportFilesystem = (
  settings: OpenshellSettings["filesystem"],
  document: PolicyDocument | undefined,
  note: Note,
): Filesystem => {
  const keys = ["openshell", "filesystem"];
  note([...keys, "allowed_paths"], "exported", "Written as filesystem_policy.read_write.");
  note([...keys, "readonly_paths"], "exported", "Written as filesystem_policy.read_only.");
  const wanted = {
    writable: settings.allowed_paths.map(shortest),
    readable: settings.readonly_paths.map(shortest),
  };
  if (document === undefined) {
    return {
      include_workdir: wanted.writable.includes(WORKDIR),
      read_only: [...SYSTEM, ...wanted.readable],
      read_write: [...wanted.writable, "/dev/null"],
    };
  }
  const written = document.filesystem_policy;
  const meant = foldersOf(written, () => {});
  if (isSame(meant, wanted)) return written;
  return {
    include_workdir: written?.include_workdir === true && wanted.writable.includes(WORKDIR),
    read_only: merge(written?.read_only ?? [], meant.readonly_paths, wanted.readable),
    read_write: merge(written?.read_write ?? [], meant.allowed_paths, wanted.writable),
  };
};

interface Wanted {
  readonly writable: readonly string[];
  readonly readable: readonly string[];
}

const isSame = (meant: Folders, { writable, readable }: Wanted): boolean =>
  hasSame(meant.allowed_paths, writable) && hasSame(meant.readonly_paths, readable);

const hasSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((path) => right.includes(path));

/** The written paths that are still wanted, those of the system, and what was added. */
const merge = (
  written: readonly string[],
  meant: readonly string[],
  wanted: readonly string[],
): string[] => {
  const kept = written.filter((path) => {
    const plain = shortest(path);
    return pathProblem(plain) !== undefined || (wanted.includes(plain) && meant.includes(plain));
  });
  const plain = kept.map(shortest);
  return [...kept, ...wanted.filter((path) => !plain.includes(path))];
};
