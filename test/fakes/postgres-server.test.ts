import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lacks } from "./need-server.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";

describe.skipIf(lacks("postgresql"))("PostgreSQL for tests", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());

  const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(url);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it.each(["SIGINT", "SIGQUIT", "SIGKILL"] as const)(
    "has its committed rows and its address after a stop with %s and a start",
    async (signal) => {
      const url = await server.createDatabase();
      await query(url, "CREATE TABLE t (a int); INSERT INTO t VALUES (7)");
      await server.stop(signal);
      await expect(query(url, "SELECT 1")).rejects.toThrow("ECONNREFUSED");
      await server.start();
      expect(await query(url, "SELECT a FROM t")).toEqual([{ a: 7 }]);
    },
  );

  it("stops while a client is in the middle of a query, also in a crash", async () => {
    const url = await server.createDatabase();
    const client = new pg.Client(url);
    client.on("error", () => {}); // the connection that is about to break
    await client.connect();
    const cut = expect(client.query("SELECT pg_sleep(60)")).rejects.toThrow();
    await server.stop("SIGKILL");
    await cut;
    await server.start();
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("gives each database to an owner who may create roles and whom row-level security holds", async () => {
    const url = await server.createDatabase();
    const [role] = await query(
      url,
      `SELECT rolsuper, rolbypassrls, rolcreaterole, pg_get_userbyid(datdba) = rolname AS owns
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
    );
    expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: true, owns: true });
    await query(
      url,
      `CREATE TABLE t (a int); INSERT INTO t VALUES (1);
       ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY`,
    );
    expect(await query(url, "SELECT a FROM t")).toEqual([]);
    expect(await query(server.asSuperuser(url), "SELECT a FROM t")).toEqual([{ a: 1 }]);
  });

  it("gives each caller a database of its own", async () => {
    const [one, other] = await Promise.all([server.createDatabase(), server.createDatabase()]);
    await query(one, "CREATE TABLE only_here (a int)");
    expect(one).not.toBe(other);
    expect(await query(other, "SELECT to_regclass('only_here') AS found")).toEqual([
      { found: null },
    ]);
  });

  it("syncs every commit to disk and lets nobody in without the password", async () => {
    const url = new URL(await server.createDatabase());
    expect(await query(url.href, "SHOW fsync")).toEqual([{ fsync: "on" }]);
    expect(await query(url.href, "SHOW synchronous_commit")).toEqual([
      { synchronous_commit: "on" },
    ]);
    url.password = "guessed";
    await expect(query(url.href, "SELECT 1")).rejects.toThrow("password authentication failed");
  });
});
