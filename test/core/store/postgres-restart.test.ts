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
});
