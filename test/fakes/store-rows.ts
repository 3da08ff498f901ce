import { join } from "node:path";
import Libsql from "libsql";
import pg from "pg";
import type { PostgresServer } from "./postgres-server.ts";

type Row = Readonly<Record<string, unknown>>;

/** What lies in a gateway's store, past the gateway and its row-level security. */
export interface StoreRows {
  query(sql: string): Promise<readonly Row[]>;
  /** Rows of inbox and outbox by table and state, e.g. `{ "inbox done": 100 }`. */
  states(): Promise<Readonly<Record<string, number>>>;
}

/** Of the database at `url`, or of the embedded one in the process's folder. */
export const storeRows = (
  folder: string,
  database?: { readonly postgres: PostgresServer; readonly url: string },
): StoreRows => {
  const query = async (sql: string): Promise<readonly Row[]> =>
    database
      ? queryPostgres(database.postgres.asSuperuser(database.url), sql)
      : querySqlite(join(folder, "data", "clawgate.db"), sql);
  return {
    query,
    states: async () => {
      const rows = await query(STATES);
      return Object.fromEntries(
        rows.map(({ state, rows: count }) => [String(state), Number(count)]),
      );
    },
  };
};

const STATES = ["inbox", "outbox"]
  .map(
    (table) =>
      `SELECT '${table} ' || state AS state, count(*) AS rows FROM ${table} GROUP BY state`,
  )
  .join(" UNION ALL ");

const querySqlite = (file: string, sql: string): readonly Row[] => {
  const database = new Libsql(file, { readonly: true });
  try {
    return database.prepare(sql).all() as Row[];
  } finally {
    database.close();
  }
};

const queryPostgres = async (url: string, sql: string): Promise<readonly Row[]> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
};
