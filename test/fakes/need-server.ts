import { postgresFolder, redisServer } from "../../scripts/servers.mjs";

const LOCATE = { postgresql: postgresFolder, "redis-server": redisServer };

/** A server that tests start for themselves, by the name of its Debian package. */
export type ServerName = keyof typeof LOCATE;

/**
 * Whether tests that need these servers are to be skipped, and prints why:
 * `describe.skipIf(lacks("postgresql"))`. Never in CI: there, starting the missing server fails.
 */
export const lacks = (...names: readonly ServerName[]): boolean => {
  const missing = names.filter((name) => LOCATE[name]() === undefined);
  if (missing.length === 0 || process.env.CI === "true") return false;
  console.warn(`tests are skipped: ${reason(missing)}`);
  return true;
};

/** The path of redis-server, or the folder of PostgreSQL's programs. Throws where it is not installed. */
export const locate = (name: ServerName): string => {
  const path = LOCATE[name]();
  if (path === undefined) throw new Error(reason([name]));
  return path;
};

const reason = (missing: readonly ServerName[]) =>
  `not installed: ${missing.join(", ")}; to fix: sudo apt-get install -y ${missing.join(" ")}`;
