// Where the benchmarks find PostgreSQL and Redis.
import { join } from "node:path";
import pg from "pg";
import { runnerImport } from "vite";
import { postgresFolder, redisServer } from "../../scripts/servers.mjs";

const load = async (file) => {
  const path = join(import.meta.dirname, "..", "..", "test", "fakes", file);
  return (await runnerImport(path, { logLevel: "error", configFile: false })).module;
};

/** Databases on somebody's server, gone afterwards. */
const databasesOn = (serverUrl) => {
  const made = [];
  const query = async (sql) => {
    const client = new pg.Client(serverUrl);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  return {
    createDatabase: async () => {
      const name = `clawgate_bench_${process.pid}_${made.length}`;
      await query(`CREATE DATABASE ${name}`);
      made.push(name);
      const url = new URL(serverUrl);
      url.pathname = name;
      return url.href;
    },
    close: async () => {
      for (const name of made) await query(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
};

/**
 * `databases` holds what makes an empty PostgreSQL database and resolves with its URL: on the server
 * at `postgresUrl`, else on one that is started where it is installed, else it is empty. `redis` is
 * undefined where there is none.
 */
export const startServers = async (postgresUrl, isWithout) => {
  const opened = [];
  const start = async (file, create) => {
    const server = await (await load(file))[create]();
    opened.push(server);
    return server;
  };
  const startPostgres = async () => {
    if (postgresUrl !== undefined) {
      const databases = databasesOn(postgresUrl);
      opened.push(databases);
      return databases;
    }
    if (isWithout || postgresFolder() === undefined) return undefined;
    return start("postgres-server.ts", "startPostgres");
  };
  const postgres = await startPostgres();
  const redis =
    !isWithout && redisServer() !== undefined
      ? await start("redis-server.ts", "startRedis")
      : undefined;
  return {
    databases: postgres ? [postgres.createDatabase] : [],
    redis: redis && { url: redis.url, wipe: redis.flushAll },
    close: async () => {
      for (const one of opened) await one.close();
    },
  };
};
