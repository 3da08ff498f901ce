import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { findOnPath, isExecutable } from "./run.mjs";

// Debian keeps each major version's programs here and off PATH.
const DEBIAN = "/usr/lib/postgresql";

/** The folder of PostgreSQL's `initdb` and `postgres`, the newest version there is; undefined without one. */
export const postgresFolder = () => {
  const onPath = findOnPath("postgres");
  const folders = debianVersions().map((version) => join(DEBIAN, version, "bin"));
  if (onPath !== undefined) folders.push(dirname(onPath));
  return folders.find((folder) =>
    ["initdb", "postgres"].every((name) => isExecutable(join(folder, name))),
  );
};

/** The path of `redis-server`, or undefined. */
export const redisServer = () => findOnPath("redis-server");

const debianVersions = () => {
  try {
    return readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
};
