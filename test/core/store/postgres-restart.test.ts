import { sql } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StoreAwayError } from "../../../core/store/errors.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { statement } from "../../../core/store/statement.ts";
import type { Store, Transaction } from "../../../core/store/store.ts";
import { eventually } from "../../fakes/eventually.ts";
import { lacks } from "../../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../../fakes/postgres-server.ts";

const sales = tenantScope("sales");
const insertKey = statement<{ version: number }>()((db, arg) =>
  db.insertInto("data_keys").values({
    tenant_id: sales.tenantId,
    version: arg("version"),
    wrapped: Buffer.from("x"),
    master_id: "m",
    created_at: 0,
  }),
);
const keyVersions = statement<object>()((db) =>
  db.selectFrom("data_keys").select("version").orderBy("version"),
);
const insert = (version: number) => async (transaction: Transaction) => {
  await transaction.run(insertKey, { version });
};

describe.skipIf(lacks("postgresql"))("a PostgreSQL that goes away and comes back", () => {
  let server: PostgresServer;
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());
  beforeEach(async () => {
    await server.start();
    store = await openStore({ url: await server.createDatabase() });
  });
  afterEach(() => store?.close());

  const versions = async () =>
    (await store.read(sales, (transaction) => transaction.all(keyVersions, {}))).map(
      ({ version }) => version,
    );

  it.each(["SIGINT", "SIGQUIT"] as const)(
    "says that it is away meanwhile (%s), keeps what was committed, and serves again without a restart",
    async (signal) => {
      await store.write(sales, insert(1));
      let isAway: () => void = () => {};
      const away = new Promise<void>((resolve) => {
        isAway = resolve;
      });
      // Cut off in the middle of their transactions, before and after they wrote.
      const cut = [2, 3, 4, 5].map((version) =>
        store.write(sales, async (transaction) => {
          if (version % 2) await insert(version)(transaction);
          await away;
          await insert(version + 10)(transaction);
        }),
      );
      const failures = cut.map((write) => write.catch((cause: unknown) => cause));
      await eventually(async () => expect(await versions()).toEqual([1]));
      await server.stop(signal);
      isAway();
      for (const failure of await Promise.all(failures))
        expect(failure).toBeInstanceOf(StoreAwayError);
      await expect(store.write(sales, insert(6))).rejects.toThrow(StoreAwayError);
      await expect(versions()).rejects.toThrow(StoreAwayError);

      await server.start();
      await eventually(() => store.write(sales, insert(7)));
      expect(await versions()).toEqual([1, 7]);
    },
  );

  it("fails what was waiting for an answer, and nothing hangs", async () => {
    const calls = Array.from({ length: 40 }, (_, index) =>
      store.write(sales, insert(100 + index)).catch((cause: unknown) => cause),
    );
    const stopped = server.stop("SIGQUIT");
    for (const outcome of await Promise.all(calls)) {
      if (outcome !== undefined) expect(outcome).toBeInstanceOf(StoreAwayError);
    }
    await stopped;
  });

  describe("seen by others", () => {
    let url: string;
    let superuser: pg.Client;
    beforeEach(async () => {
      url = await server.createDatabase();
      superuser = new pg.Client(server.asSuperuser(url));
      await superuser.connect();
    });
    afterEach(() => superuser?.end());

    it("holds nobody up for a process that was suspended in the middle of a transaction", async () => {
      const separator = url.includes("?") ? "&" : "?";
      const short = `${url}${separator}options=-c%20idle_in_transaction_session_timeout%3D200`;
      const [suspended, other] = [await openStore({ url: short }), await openStore({ url })];
      try {
        let continues: () => void = () => {};
        const asleep = new Promise<void>((resolve) => {
          continues = resolve;
        });
        let hasWritten: () => void = () => {};
        const written = new Promise<void>((resolve) => {
          hasWritten = resolve;
        });
        const late = suspended
          .write(sales, async (transaction) => {
            await insert(1)(transaction);
            hasWritten();
            await asleep;
            await insert(2)(transaction);
          })
          .catch((cause: unknown) => cause);
        await written;
        // The same row: waits until the other transaction is over.
        await other.write(sales, insert(1));
        continues();
        expect(await late).toBeInstanceOf(StoreAwayError);
        const found = await other.read(sales, (transaction) => transaction.all(keyVersions, {}));
        expect(found).toEqual([{ version: 1 }]);
      } finally {
        await Promise.all([suspended.close(), other.close()]);
      }
    });

    it("has limits on every connection, unless the database's operator set others", async () => {
      const opened = await openStore({ url });
      try {
        const shown = statement<object>()((db) =>
          db.selectNoFrom([
            sql<string>`current_setting('statement_timeout')`.as("statements"),
            sql<string>`current_setting('idle_in_transaction_session_timeout')`.as("idle"),
          ]),
        );
        const limits = (of: Store) => of.read(sales, (transaction) => transaction.all(shown, {}));
        expect(await limits(opened)).toEqual([{ statements: "14s", idle: "10s" }]);
      } finally {
        await opened.close();
      }
    });

    it("goes on when a newer version adds a column to what its connections have prepared", async () => {
      const everything = statement<object>()((db) =>
        db.selectFrom("data_keys").selectAll().orderBy("version"),
      );
      const opened = await openStore({ url });
      const readAll = () => opened.read(sales, (transaction) => transaction.all(everything, {}));
      try {
        await opened.write(sales, insert(1));
        // On several connections at once.
        await Promise.all(Array.from({ length: 8 }, readAll));
        await superuser.query("ALTER TABLE data_keys ADD COLUMN newer integer");
        const found = await Promise.all(Array.from({ length: 8 }, readAll));
        expect(found.map((rows) => rows.length)).toEqual(Array(8).fill(1));
        await opened.write(sales, insert(2));
        expect(await readAll()).toHaveLength(2);
      } finally {
        await opened.close();
      }
    });

    it("drops its connections to a server that after a failover only follows another one", async () => {
      const opened = await openStore({ url });
      const connections = async (): Promise<readonly number[]> => {
        const { rows } = await superuser.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'clawgate'`,
        );
        return rows.map(({ pid }) => pid);
      };
      const follow = async (isFollower: boolean) => {
        await superuser.query(`ALTER SYSTEM SET default_transaction_read_only = ${isFollower}`);
        await superuser.query("SELECT pg_reload_conf()");
      };
      try {
        await Promise.all([1, 2, 3].map((version) => opened.write(sales, insert(version))));
        const before = await connections();
        expect(before.length).toBeGreaterThan(0);
        await follow(true);
        await eventually(() =>
          expect(opened.write(sales, insert(4))).rejects.toThrow(StoreAwayError),
        );
        await follow(false);
        await eventually(() => opened.write(sales, insert(5)));
        await Promise.all(before.map((_, at) => opened.write(sales, insert(10 + at))));
        await eventually(async () => {
          const now = await connections();
          expect(before.filter((pid) => now.includes(pid))).toEqual([]);
        });
      } finally {
        await follow(false);
        await opened.close();
      }
    });
  });
});
