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
  sql(text: string): Promise<readonly Row[]>;
  /** PostgreSQL only: the server. */
  readonly server: PostgresServer;
}

/** Facts that hold on SQLite and on PostgreSQL: `body` is run for each, with tests inside. */
export const describeStores = (name: string, body: (world: StoreWorld) => void): void => {
  describe(`${name} (SQLite)`, () => {
    const folder = temporaryFolder();
    const create = async () => `file:${folder.path}/store`;
    body(worldOf("sqlite", { create, sql: querySqlite }));
  });
  describe.skipIf(lacks("postgresql"))(`${name} (PostgreSQL)`, () => {
    let server: PostgresServer;
    let database: EmptyDatabase | undefined;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(async () => {
      await database?.close();
      await server?.close();
    });
    body(
      worldOf("postgres", {
        // One for all tests: to make one takes ten times as long as to empty it.
        create: async () => {
          if (database === undefined) {
            const url = await server.createDatabase();
            database = emptyDatabase(url, server.asSuperuser(url));
          } else await database.empty();
          return database.url;
        },
        sql: async (_url, text) => (await database?.query(text)) ?? [],
        server: () => server,
      }),
    );
  });
};

interface Backing {
  /** The `storage.url` of an empty database. */
  create(): Promise<string>;
  readonly sql: (url: string, text: string) => Promise<readonly Row[]>;
  readonly server?: () => PostgresServer;
}

type Row = Readonly<Record<string, unknown>>;

const worldOf = (dialect: DialectName, { create, sql, server }: Backing): StoreWorld => {
  let url = "";
  let opened: Store[] = [];
  const open = async () => {
    const store = await openPatiently(url);
    opened.push(store);
    return store;
  };
  const closeAll = async () => {
    const all = opened;
    opened = [];
    await Promise.all(all.map((store) => store.close()));
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
    sql: (text) => sql(url, text),
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

/** Again where no connection came in time: a machine may stand still for longer than that. */
const openPatiently = async (url: string, tries = 5): Promise<Store> => {
  try {
    return await openStore({ url });
  } catch (cause) {
    const isLate = /connection timeout/.test(String(cause));
    if (!isLate || tries === 1) throw cause;
    return openPatiently(url, tries - 1);
  }
};

const querySqlite = async (url: string, text: string): Promise<readonly Row[]> => {
  const database = openSqlite(`${url.slice("file:".length)}/clawgate.db`);
  try {
    const statement = database.prepare(text);
    if (statement.reader) return statement.all([]);
    statement.run([]);
    return [];
  } finally {
    database.close();
  }
};

/** A database that is emptied before each test, and the superuser's view of it. */
interface EmptyDatabase {
  readonly url: string;
  query(text: string): Promise<readonly Row[]>;
  empty(): Promise<void>;
  close(): Promise<void>;
}

const emptyDatabase = (url: string, superuserUrl: string): EmptyDatabase => {
  let client: pg.Client | undefined;
  /** Kept for all tests; a new one when the server was restarted in between. */
  const connected = async (): Promise<pg.Client> => {
    if (client) return client;
    const fresh = new pg.Client({ connectionString: superuserUrl, types: NUMBERS });
    const forget = () => {
      if (client === fresh) client = undefined;
    };
    fresh.on("error", forget).on("end", forget);
    await fresh.connect();
    client = fresh;
    return fresh;
  };
  const query = async (text: string) => (await (await connected()).query<Row>(text)).rows;
  return {
    url,
    query,
    empty: async () => {
      const tables = await query(
        `SELECT relname AS name FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'kysely%'`,
      );
      const deletes = tables.map(({ name }) => `DELETE FROM "${name}"`);
      // A replica's session fires no trigger, so the audit log gives in too.
      const [begin, end] = ["SET session_replication_role = replica", "RESET ALL"];
      await query([begin, ...deletes, end].join(";"));
    },
    close: async () => client?.end(),
  };
};

const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (id, format) =>
    id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format),
};
