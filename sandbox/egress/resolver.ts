import { lookup } from "node:dns/promises";

// Node asks the system on four threads that files and ciphers need too. A name server that never
// answers, which the owner of a wildcard's subdomain may have, must not take them all.
const LOOKUPS_AT_ONCE = 2;

/** Asks the system for all addresses of a name, a few names at a time. Rejects when there are none. */
export const createResolver = (): ((host: string) => Promise<readonly string[]>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (host) => {
    if (running === LOOKUPS_AT_ONCE) await new Promise<void>((turn) => waiting.push(turn));
    else running++;
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
};
