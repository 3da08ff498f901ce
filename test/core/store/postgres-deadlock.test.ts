import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSharedRateLimiter } from "../../../core/rate-limits/shared.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { statement } from "../../../core/store/statement.ts";
import type { Store, Transaction } from "../../../core/store/store.ts";
import { lacks } from "../../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../../fakes/postgres-server.ts";

const sales = tenantScope("sales");
const FULL_AT = 1_000_000;
const NOW = new Date(2_000_000);

const touch = statement<{ key: string }>()((db, arg) =>
  db
    .insertInto("rate_limits")
    .values({ tenant_id: sales.tenantId, key: arg("key"), full_at: FULL_AT })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "key"])
        .doUpdateSet(({ eb }) => ({ full_at: eb("rate_limits.full_at", "+", 1) })),
    ),
);
const buckets = statement<object>()((db) =>
  db.selectFrom("rate_limits").select(["key", "full_at"]).orderBy("key"),
);

/** Resolves once it was called by so many. */
const createBarrier = (parties: number) => {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    if (--parties === 0) open();
    return opened;
  };
};

describe.skipIf(lacks("postgresql"))("transactions that wait for each other", () => {
  let server: PostgresServer;
  let store: Store;
  let superuser: pg.Client;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());
  beforeEach(async () => {
    const url = await server.createDatabase();
    store = await openStore({ url });
    superuser = new pg.Client(server.asSuperuser(url));
    await superuser.connect();
  });
  afterEach(async () => {
    await superuser?.end();
    await store?.close();
  });

  const rows = () => store.read(sales, (transaction) => transaction.all(buckets, {}));

  it("are both done, the one that PostgreSQL ended a second time", async () => {
    const meet = createBarrier(2);
    let runs = 0;
    const touching = (keys: readonly [string, string]) =>
      store.write(sales, async (transaction: Transaction) => {
        runs++;
        await transaction.run(touch, { key: keys[0] });
        await meet();
        await transaction.run(touch, { key: keys[1] });
      });
    await Promise.all([touching(["a", "b"]), touching(["b", "a"])]);
    expect(runs).toBe(3);
    expect(await rows()).toEqual([
      { key: "a", full_at: FULL_AT + 1 },
      { key: "b", full_at: FULL_AT + 1 },
    ]);
  });

  it("never are one that forgets full buckets and one that has come to the tenant's", async () => {
    for (const key of ["tenant", "user/ada"]) {
      await store.write(sales, (transaction) => transaction.run(touch, { key }));
    }
    let runs = 0;
    const counted = (run: Store["write"]): Store["write"] => {
      return (access, work) =>
        run(access, (transaction) => {
          runs++;
          return work(transaction);
        });
    };
    const limiter = createSharedRateLimiter({ ...store, note: counted(store.note) }, () => NOW);
    const limits = { userPerMinute: 10, tenantPerMinute: 10 };
    let tidied: Promise<unknown> = Promise.resolve();
    await counted(store.write)(sales, async (transaction) => {
      await transaction.run(touch, { key: "user/ada" });
      tidied = Promise.resolve(limiter.take({ tenantId: "sales", sender: "bob", limits }));
      while (!(await isWaiting()));
      await transaction.run(touch, { key: "tenant" });
    });
    await tidied;
    expect(runs).toBe(2);
  });

  /** Whether the one that forgets stands before a row that the other one holds. */
  const isWaiting = async (): Promise<boolean> =>
    (await superuser.query("SELECT FROM pg_locks WHERE NOT granted")).rows.length > 0;
});
