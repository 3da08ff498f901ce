import { isIPv6 } from "node:net";

/** Slows down who guesses keys: it counts the failures of each address. */
export interface FailedAttempts {
  /** Milliseconds until this address may try again; 0 = it may. */
  waitMs(address: string): number;
  add(address: string): void;
}

const MOST = 10;
const WINDOW_MS = 60_000;
const ADDRESSES = 10_000;

/** After ten failures within a minute an address waits until the first of them is a minute old. */
export const createFailedAttempts = (now: () => Date): FailedAttempts => {
  // Times of the last failures, oldest first; who failed last is last.
  const failures = new Map<string, readonly number[]>();
  return {
    waitMs: (address) => {
      const times = failures.get(groupOf(address)) ?? [];
      const first = times[times.length - MOST];
      return first === undefined ? 0 : Math.max(0, first + WINDOW_MS - now().getTime());
    },
    add: (address) => {
      const group = groupOf(address);
      const times = failures.get(group) ?? [];
      failures.delete(group);
      failures.set(group, [...times, now().getTime()].slice(-MOST));
      const [longestAgo] = failures.keys();
      if (failures.size > ADDRESSES && longestAgo !== undefined) failures.delete(longestAgo);
    },
  };
};

/** Whoever has one IPv6 address has 2^64 of them (the first four groups): they count as one. */
const groupOf = (address: string): string => {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const [before, after] = [head, tail].map((half) => half.split(":").filter(Boolean));
  const known = (before?.length ?? 0) + (after?.length ?? 0);
  const zeros = address.includes("::") ? Array<string>(Math.max(0, 8 - known)).fill("0") : [];
  return [...(before ?? []), ...zeros, ...(after ?? [])]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
};
