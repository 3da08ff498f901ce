import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { openStore } from "../../core/store/open-store.ts";
import type { DialectName } from "../../core/store/statement.ts";
import type { Store } from "../../core/store/store.ts";
import { lacks } from "./need-server.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A new, empty database for every test. */
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
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server?.close());
    body(
      worldOf(
        "postgres",
        () => server.createDatabase(),
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
