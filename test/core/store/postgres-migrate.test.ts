import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openStore } from "../../../core/store/open-store.ts";
import { lacks } from "../../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../../fakes/postgres-server.ts";

describe.skipIf(lacks("postgresql"))("a new PostgreSQL server", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());

  it("takes a store while one on another database makes the role that both need", async () => {
    const [url, otherUrl] = [await server.createDatabase(), await server.createDatabase()];
    const other = new pg.Client(otherUrl);
    const watcher = new pg.Client(server.asSuperuser(url));
    await Promise.all([other.connect(), watcher.connect()]);
    try {
      await other.query("BEGIN; CREATE ROLE clawgate_app NOLOGIN");
      const opening = openStore({ url });
      await vi.waitFor(async () => {
        const { rows } = await watcher.query(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE ROLE%'",
        );
        expect(rows).toHaveLength(1);
      }, 10_000);
      await other.query("COMMIT");
      await (await opening).close();
    } finally {
      await Promise.all([other.end(), watcher.end()]);
    }
  });
});
