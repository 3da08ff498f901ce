// Top folders of a system, ours inside included.
const SYSTEM = ["bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr"];

/** Why a path may not be mounted inside the sandbox; undefined when it may. */
export const pathProblem = (path: string): string | undefined => {
  if (!path.startsWith("/")) return "is not absolute";
  if (path.includes("\0")) return "contains a NUL";
  const parts = path.split("/").filter(Boolean);
  if (parts.includes("..") || parts.includes(".")) return "contains . or ..";
  const top = parts[0];
  if (top === undefined) return "is the root";
  return SYSTEM.includes(top) ? `lies in /${top}, which belongs to the system` : undefined;
};

/** Whether two paths are the same or one lies in the other. */
export const overlap = (left: string, right: string): boolean =>
  isInside(left, right) || isInside(right, left);

/** Whether a path is the folder or lies in it. */
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);
