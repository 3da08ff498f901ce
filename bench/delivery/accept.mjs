// Durable accepts against raw inserts of the same sealed rows: same schema, same folder, same run.
import Libsql from "libsql";
import pg from "pg";
import { createFigures, figure, quantile, row, timed } from "./measure.mjs";
import { createPlace, inParallel, laneOf, newMessages, openDelivery, SALES } from "./parts.mjs";

const CALLERS = [1, 16, 32, 64];
const COLUMNS = "channel, key, lane, tenant_id, message, state, received_at";

/** Rows as `accept` would store them. */
const sealedRows = async ({ cipher }, count) => {
  const own = await cipher.of(SALES);
  return newMessages(count).map((message) => [
    message.channel,
    message.id,
    laneOf(message),
    SALES.tenantId,
    own.seal(
      JSON.stringify(["inbox", message.channel, message.id, "message"]),
      JSON.stringify(message),
    ),
    "pending",
    Date.now(),
  ]);
};

/** Inserts as plain as can be: on SQLite synchronously, over one connection. */
const rawSqlite = ({ folder }) => {
  const database = new Libsql(`${folder}/clawgate.db`);
  database.exec("PRAGMA synchronous = FULL");
  const insert = database.prepare(
    `INSERT INTO inbox (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  return {
    one: async (values) => insert.run(values),
    all: async (rows) => {
      database.exec("BEGIN IMMEDIATE");
      for (const values of rows) insert.run(values);
      database.exec("COMMIT");
    },
    close: async () => database.close(),
  };
};

const rawPostgres = async (url) => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query("SET ROLE clawgate_app");
  await client.query("SELECT set_config('clawgate.access', 'intake', false)");
  const text = `INSERT INTO inbox (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`;
  const insert = (values) => client.query({ name: "insert", text, values });
  return {
    one: insert,
    all: async (rows) => {
      await client.query("BEGIN");
      for (const values of rows) await insert(values);
      await client.query("COMMIT");
    },
    close: () => client.end(),
  };
};

const measured = async (count, work) => {
  let times = [];
  const { ms, cpuUs } = await timed(async () => {
    times = await work();
  });
  return {
    perSecond: (count / ms) * 1000,
    cpuUs: cpuUs / count,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
};

const measureRound = async (place, count, figures) => {
  const delivery = await openDelivery(place);
  const raw = place.url.startsWith("file:") ? rawSqlite(place) : await rawPostgres(place.url);
  try {
    const singles = await sealedRows(delivery, count);
    figures.add(
      "raw, one commit per row",
      await measured(count, () => inParallel(singles, 1, raw.one)),
    );
    const rows = await sealedRows(delivery, count);
    figures.add(
      "raw, all rows in one commit",
      await measured(count, () => inParallel([rows], 1, raw.all)),
    );
    for (const callers of CALLERS) {
      const messages = newMessages(callers === 1 ? count / 4 : count);
      const accept = (message) => delivery.inbox.accept(message, SALES);
      figures.add(
        `accept, ${callers} at a time`,
        await measured(messages.length, () => inParallel(messages, callers, accept)),
      );
    }
  } finally {
    await raw.close();
    await delivery.close();
  }
};

export const accept = async ({ rounds, scale, servers }) => {
  const count = Math.ceil(20_000 * scale);
  for (const createDatabase of [undefined, ...servers.databases]) {
    const name = createDatabase ? "PostgreSQL" : "SQLite, FULL";
    console.log(`\naccept (${name}): ${rounds} rounds of ${count}; median (worst round)`);
    const figures = createFigures();
    const measure = async (messages, into) =>
      measureRound(await createPlace(createDatabase), messages, into);
    await measure(Math.ceil(count / 10), createFigures()); // warm-up
    for (let round = 0; round < rounds; round++) await measure(count, figures);
    row("", ["per s", "CPU us each", "p50 ms", "p99 ms", "x one per row"]);
    const base = figures.of("raw, one commit per row").perSecond;
    for (const name of figures.names()) {
      const { perSecond, cpuUs, p50, p99 } = figures.of(name);
      const ratios = perSecond.map((value, round) => value / base[round]);
      row(name, [
        figure(perSecond, 0, "more"),
        figure(cpuUs, 1),
        ...(name.includes("in one") ? ["", ""] : [figure(p50, 3), figure(p99, 2)]),
        figure(ratios, 1, "more"),
      ]);
    }
  }
};
