import pg from "pg";
import { describe, expect, it } from "vitest";
import * as doneRows from "../../../core/delivery/done-rows.ts";
import * as inboxRows from "../../../core/delivery/inbox-rows.ts";
import * as outboxRows from "../../../core/delivery/outbox-rows.ts";
import * as replyEndRows from "../../../core/delivery/reply-end-rows.ts";
import * as withdrawalRows from "../../../core/delivery/withdrawal-rows.ts";
import * as queueRows from "../../../core/operators/queue-rows.ts";
import type { DialectName, Statement } from "../../../core/store/statement.ts";
import { describeStores, type StoreWorld } from "../../fakes/stores.ts";

/** How a database gets at the rows of one table. */
interface RowAccess {
  readonly table: string;
  /** The columns that it looks up in an index; empty = it goes through everything. */
  readonly columns: readonly string[];
  /** As the database says it. */
  readonly plan: string;
}

type Named = readonly [name: string, statement: Statement<never, unknown>];

const isStatement = (value: unknown): value is Statement<never, unknown> =>
  typeof value === "object" && value !== null && "bind" in value;

const statementsOf = (rows: object): readonly Named[] =>
  Object.entries(rows).flatMap(([name, value]) => (isStatement(value) ? [[name, value]] : []));

const ACCESSES = ["intake", "tenant", "operator"] as const;
type AccessName = (typeof ACCESSES)[number];

const REACHES = ["tenant", "all"] as const;

/** All that runs for a message, or that an operator does with one; by the access that it runs with. */
const STATEMENTS: Readonly<Record<AccessName, readonly Named[]>> = {
  intake: [...statementsOf(inboxRows), ...statementsOf(doneRows), ...statementsOf(withdrawalRows)],
  tenant: [
    ...statementsOf(inboxRows).filter(([name]) => name.startsWith("endTurn")),
    ...statementsOf(replyEndRows),
    ...statementsOf(outboxRows),
    ...statementsOf(queueRows),
  ],
  operator: REACHES.flatMap((reach): Named[] => [
    [`messageById ${reach}`, queueRows.messageById(reach)],
    [`oldestIn dead ${reach}`, queueRows.oldestIn("dead", reach)],
  ]),
};

/** A word for whatever is asked for. */
const ANY_ARGS = new Proxy({}, { get: () => "any" });

const textOf = (statement: Statement<never, unknown>, dialect: DialectName) =>
  statement.bind(dialect, ANY_ARGS as never);

const GROWING = ["inbox", "outbox", "audit"];

/** What grows with the backlog may be entered by what picks few rows only: never by its tenant alone. */
const isNarrow = ({ table, columns }: RowAccess): boolean =>
  !GROWING.includes(table) || columns.some((column) => column !== "tenant_id");

const wideIn = (name: string, accesses: readonly RowAccess[]): readonly string[] =>
  accesses.filter((access) => !isNarrow(access)).map(({ plan }) => `${name}: ${plan}`);

// e.g. `SEARCH outbox USING COVERING INDEX outbox_pending (tenant_id=? AND lane=?)`, `SCAN inbox`
const sqliteAccesses = async (world: StoreWorld, sql: string): Promise<readonly RowAccess[]> =>
  (await world.sql(`EXPLAIN QUERY PLAN ${sql}`)).flatMap(({ detail }) => {
    const plan = String(detail);
    const [, kind, table = ""] = /^(SEARCH|SCAN) (\w+)/.exec(plan) ?? [];
    if (kind === undefined) return [];
    const columns = kind === "SCAN" ? [] : (plan.match(/\w+(?=[,)]*[=<>])/g) ?? []);
    return [{ table, columns, plan }];
  });

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (node: PlanNode): readonly PlanNode[] => [
  node,
  ...(node.Plans ?? []).flatMap(nodesOf),
];

/** As the gateway runs it: prepared, in its role, behind row-level security. */
const postgresAccesses = async (
  client: pg.Client,
  access: AccessName,
  { sql, parameters }: { sql: string; parameters: readonly unknown[] },
): Promise<readonly RowAccess[]> => {
  const [setting, value] =
    access === "tenant" ? ["clawgate.tenant", "sales"] : ["clawgate.access", access];
  const given = parameters.length === 0 ? "" : `(${parameters.map(() => "NULL").join(", ")})`;
  await client.query("BEGIN; SET LOCAL ROLE clawgate_app");
  await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
  await client.query(`SELECT set_config('${setting}', '${value}', true)`);
  await client.query(`PREPARE it AS ${sql}`);
  const { rows } = await client.query<{ "QUERY PLAN": readonly { readonly Plan: PlanNode }[] }>(
    `EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE it${given}`,
  );
  await client.query("ROLLBACK; DEALLOCATE it");
  const nodes = rows.flatMap((row) => row["QUERY PLAN"].flatMap(({ Plan }) => nodesOf(Plan)));
  return nodes.flatMap(({ "Node Type": kind, "Index Cond": condition = "", ...node }) => {
    // A bitmap is made by an index scan below, which has the condition and names its index only;
    // those here begin with the name of their table.
    const table = node["Relation Name"] ?? node["Index Name"]?.split("_")[0];
    if (table === undefined || kind === "Bitmap Heap Scan" || kind === "ModifyTable") return [];
    const columns = condition.match(/\b[a-z_]+(?=,? |\))/g) ?? [];
    const plan = `${kind} ${node["Index Name"] ?? table} by ${condition}, then ${node.Filter}`;
    return [{ table, columns, plan }];
  });
};

const ROWS = 30_000;
const STATES = "CASE id % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'answered' ELSE 'done' END";

/** A third waits for its turn, a third for its sending, a third is done; most of it one tenant's. */
const fill = async ({ dialect, sql }: StoreWorld): Promise<void> => {
  const numbers = `WITH RECURSIVE numbers (id) AS
    (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < ${ROWS})`;
  const bytes = dialect === "sqlite" ? "CAST(id AS BLOB)" : "decode(md5(id::text), 'hex')";
  const tenant = "CASE id % 10 WHEN 0 THEN 'other' ELSE 'sales' END";
  await sql(
    `${numbers} INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
     SELECT 'test', 'key' || id, 'lane' || id, ${tenant}, ${bytes}, ${STATES}, id FROM numbers`,
  );
  await sql(
    `${numbers} INSERT INTO outbox (tenant_id, inbox_id, part, lane, channel, content, fingerprint,
       via, state, due_at, created_at)
     SELECT ${tenant}, id, 0, 'lane' || id, 'test', ${bytes}, ${bytes}, 'send',
       CASE id % 3 WHEN 1 THEN 'pending' ELSE 'delivered' END, id, id FROM numbers`,
  );
};

// What PostgreSQL knows of the tables when it plans; it gathers statistics within a minute, or when
// a tenth of a table has changed.
const MOMENTS: readonly (readonly [name: string, ...statements: string[]])[] = [
  ["before the first statistics"],
  [
    "when they are from before the backlog",
    "UPDATE inbox SET state = 'done'",
    "ANALYZE",
    `UPDATE inbox SET state = ${STATES}`,
  ],
  ["when they are new", "ANALYZE"],
];

describeStores("the cost of a message", (world) => {
  it("does not grow with the backlog: no statement goes through what waits", async () => {
    await fill(world);
    const wide: string[] = [];
    if (world.dialect === "sqlite") {
      for (const [name, statement] of Object.values(STATEMENTS).flat()) {
        const { sql } = textOf(statement, "sqlite");
        wide.push(...wideIn(name, await sqliteAccesses(world, sql)));
      }
    } else {
      await withClient(world.server.asSuperuser(world.url), async (client) => {
        for (const [moment, ...preparations] of MOMENTS) {
          for (const preparation of preparations) await client.query(preparation);
          for (const access of ACCESSES) {
            for (const [name, statement] of STATEMENTS[access]) {
              const text = textOf(statement, "postgres");
              const accesses = await postgresAccesses(client, access, text);
              wide.push(...wideIn(`${name} as ${access}, ${moment}`, accesses));
            }
          }
        }
      });
    }
    expect(wide).toEqual([]);
  });
});

const withClient = async (url: string, work: (client: pg.Client) => Promise<void>) => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};

describe("this test", () => {
  it("sees a scan, and a search by nothing but the tenant", () => {
    const plan = "";
    expect(isNarrow({ table: "inbox", columns: [], plan })).toBe(false);
    expect(isNarrow({ table: "outbox", columns: ["tenant_id"], plan })).toBe(false);
    expect(isNarrow({ table: "outbox", columns: ["tenant_id", "lane"], plan })).toBe(true);
    expect(Object.values(STATEMENTS).flat().length).toBeGreaterThan(30);
  });
});
