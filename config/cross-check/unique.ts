import { formatPath, type SettingsPath } from "../problem.ts";
import type { Report } from "../report.ts";

/** Remembers what was seen and reports what comes a second time, naming the first place. */
export const createUniqueCheck = (report: Report, what: string) => {
  const seen = new Map<string, SettingsPath>();
  return (key: string, path: SettingsPath): void => {
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path);
    else report.problem(path, `the same ${what} as ${formatPath(first)}`, `a ${what} used once`);
  };
};
