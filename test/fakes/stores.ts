import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { openStore } from "../../core/store/open-store.ts";
import { openSqlite } from "../../core/store/sqlite.ts";
import type { DialectName } from "../../core/store/statement.ts";
import type { Store } from "../../core/store/store.ts";
import { lacks } from "./need-server.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** An empty database for every test; what a test does to the schema, it undoes. */
export interface StoreWorld {
  readonly dialect: DialectName;
  /** Open on it. */
  readonly store: Store;
  /** `storage.url` of it. */
  readonly url: string;
  /** Opens it once more, as another process would. */
  open(): Promise<Store>;
  /** Closes every store that is open on it. */
  closeAll(): Promise<void>;
  /** SQL as nobody's wall holds it, for a test's own eyes and for damage done on purpose. */
  sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** PostgreSQL only: the server. */
  readonly server: PostgresServer;
}

/** Facts that hold on SQLite and on PostgreSQL: `body` is run for each, with tests inside. */
export const describeStores = (name: string, body: (world: StoreWorld) => void): void => {
  describe(`${name} (SQLite)`, () => {
    const folder = temporaryFolder();
    body(worldOf("sqlite", async () => `file:${folder.path}/store`, undefined));
  });
  describe.skipIf(lacks("postgresql"))(`${name} (PostgreSQL)`, () => {
    let server: PostgresServer;
    let url: string | undefined;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server?.close());
    body(
      worldOf(
        "postgres",
        // One for all tests: to make one takes ten times as long as to empty it.
        async () => {
          if (url === undefined) url = await server.createDatabase();
          else await emptyPostgres(server.asSuperuser(url));
          return url;
        },
        () => server,
      ),
    );
  });
};

const worldOf = (
  dialect: DialectName,
  create: () => Promise<string>,
  server: (() => PostgresServer) | undefined,
): StoreWorld => {
  let url = "";
  let opened: Store[] = [];
  const open = async () => {
    const store = await openStore({ url });
    opened.push(store);
    return store;
  };
  const closeAll = async () => {
    const all = opened;
    opened = [];
    await Promise.all(all.map((store) => store.close()));
  };
  const sql = async (text: string) => {
    if (!server) {
      const database = openSqlite(`${url.slice("file:".length)}/clawgate.db`);
      try {
        const statement = database.prepare(text);
        if (statement.reader) return statement.all([]);
        statement.run([]);
        return [];
      } finally {
        database.close();
      }
    }
    return queryPostgres(server().asSuperuser(url), text);
  };
  let store: Store;
  beforeEach(async () => {
    url = await create();
    store = await open();
  });
  afterEach(closeAll);
  return {
    dialect,
    open,
    closeAll,
    sql,
    get store() {
      return store;
    },
    get url() {
      return url;
    },
    get server() {
      if (!server) throw new Error("SQLite has no server");
      return server();
    },
  };
};

const queryPostgres = async (url: string, text: string) => {
  const types: pg.CustomTypesConfig = {
    getTypeParser: (id, format) =>
      id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format),
  };
  const client = new pg.Client({ connectionString: url, types });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

/** Removes all rows; a replica's session is one that fires no trigger, so the audit log gives in too. */
const emptyPostgres = async (url: string): Promise<void> => {
  const tables = await queryPostgres(
    url,
    `SELECT relname AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'kysely%'`,
  );
  const deletes = tables.map(({ name }) => `DELETE FROM "${name}"`);
  await queryPostgres(url, ["SET session_replication_role = replica", ...deletes].join(";"));
};
