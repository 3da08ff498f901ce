import { readdirSync, readFileSync } from "node:fs";

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors of this process, from 3 on, that every child would inherit: left over by whoever
 * started us. Node opens its own so that they close on exec.
 */
export const inheritedDescriptors = (): readonly number[] =>
  readdirSync("/proc/self/fd")
    .map(Number)
    .filter((descriptor) => descriptor > 2 && isInheritable(descriptor));

const isInheritable = (descriptor: number): boolean => {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8);
    return (flags & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // closed meanwhile
  }
};
