import { join } from "node:path";
import { expect, it } from "vitest";
import { oldestIn } from "../../../core/operators/queue-rows.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import { openSqliteStore } from "../../../core/store/sqlite-store.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();

it.each([
  ["dead", "all", "SEARCH inbox USING COVERING INDEX inbox_dead_by_age (id>?)"],
  ["dead", "tenant", "SEARCH inbox USING COVERING INDEX inbox_dead (tenant_id=? AND id>?)"],
  ["pending", "all", "SCAN inbox USING COVERING INDEX inbox_pending"],
  ["answered", "tenant", "SEARCH inbox USING COVERING INDEX inbox_answered (tenant_id=?)"],
] as const)("lists what is %s of %s by the index of that state", async (state, reach, step) => {
  await (await openSqliteStore(folder.path)).close();
  const database = openSqlite(join(folder.path, "clawgate.db"));
  try {
    const args = { tenantId: "sales", after: 0, limit: 10 };
    const { sql, parameters } = oldestIn(state, reach).bind("sqlite", args);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(parameters);
    const steps = plan.map(({ detail }) => detail);
    expect(steps).toContain(step);
    // Only the other states are put into order; the dead lie in it.
    expect(steps.includes("USE TEMP B-TREE FOR ORDER BY")).toBe(state !== "dead");
  } finally {
    database.close();
  }
});
