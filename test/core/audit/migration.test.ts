import { mkdirSync } from "node:fs";
import { Kysely, Migrator, PostgresDialect, SqliteDialect } from "kysely";
import pg from "pg";
import { expect, it } from "vitest";
import { verifyChain } from "../../../core/audit/verify.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import { migrationsFor } from "../../../core/store/migrations.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { recordOf } from "./audited.ts";

const folder = temporaryFolder();

interface Old {
  audit: Record<string, unknown>;
}

describeStores("an audit log from before it was chained", (world) => {
  it("becomes the beginning of its tenants' chains, as it was and in its order", async () => {
    const path = `${folder.path}/old`;
    const isSqlite = world.dialect === "sqlite";
    if (isSqlite) mkdirSync(path);
    const url = isSqlite ? `file:${path}` : await world.server.createDatabase();
    const dialect = isSqlite
      ? new SqliteDialect({ database: openSqlite(`${path}/clawgate.db`) })
      : new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) });
    const db = new Kysely<Old>({ dialect });
    const provider = { getMigrations: async () => migrationsFor(world.dialect) };
    const { error } = await new Migrator({ db, provider }).migrateTo("0002-channel-state");
    expect(error).toBeUndefined();
    // More than are moved at a time. The wall of PostgreSQL is forced, for the owner too.
    for (const tenant_id of ["sales", "legal", "sales"]) {
      const rows = Array.from({ length: 400 }, (_, index) => ({
        ...{ tenant_id, at: 1_000 - index, trace_id: `t${index}`, channel: "test" },
        ...{ workspace_id: "w", sender_id: "wei", message_key: `m${index}`, action: "message" },
        ...{ subject: "text", decision: "answered", code: "OK", duration_ms: 5, detail: "{}" },
      }));
      await db.transaction().execute(async (transaction) => {
        if (!isSqlite) {
          await transaction
            .selectNoFrom((eb) =>
              eb
                .fn("set_config", [eb.val("clawgate.tenant"), eb.val(tenant_id), eb.lit(true)])
                .as("x"),
            )
            .execute();
        }
        await transaction.insertInto("audit").values(rows).execute();
      });
    }
    await db.destroy();

    const store = await openStore({ url });
    try {
      const witnesses = { keys: [], checkpoints: [] };
      const sales = await verifyChain(store, "sales", witnesses);
      expect(sales).toEqual({
        tenantId: "sales",
        records: 800,
        newest: 800,
        cut: 0,
        checkpoints: 0,
      });
      expect(await verifyChain(store, "legal", witnesses)).toMatchObject({ records: 400 });
      // It goes on where that ended.
      await createAuditLog(store).record(recordOf("sales", 1, new Date(), "cli"));
      const { problem, newest } = await verifyChain(store, "sales", witnesses);
      expect([problem, newest]).toEqual([undefined, 801]);
    } finally {
      await store.close();
    }
  });
});
