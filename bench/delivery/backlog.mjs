// What one message costs while others wait: with none, and with up to a million.
//
// `steps` times each call on its own, in a store where half of those that wait are the same tenant's
// and a fifth of all are answered and wait for their sending. `work` lets a whole process work off the
// first thousand of a backlog, once with a schedule of its own and once with bull.
import Libsql from "libsql";
import pg from "pg";
import { createFigures, figure, row, timed } from "./measure.mjs";
import {
  createPlace,
  inParallel,
  laneOf,
  newMessage,
  newMessages,
  openDelivery,
  SALES,
} from "./parts.mjs";

const SIZES = [0, 1_000, 100_000, 1_000_000];
const PARALLEL = 32;
const STEPS = ["accept", "claim", "complete", "send"];
const BEGUN_BEYOND = 512;
const LATER_MS = 24 * 60 * 60_000;

const TENANT = {
  mixed: "CASE id % 2 WHEN 0 THEN 'sales' ELSE 'tenant' || (id % 9) END",
  own: "'sales'",
};

/** Rows that nobody works on before the measured ones: their lanes come later in the order. */
const rowsOf = (count, kind, blob) => {
  const numbers = `WITH RECURSIVE numbers (id) AS
    (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < ${count})`;
  const lane = `'["bench","corp","z' || id || '"]'`;
  const state =
    kind === "mixed" ? "CASE id % 5 WHEN 0 THEN 'answered' ELSE 'pending' END" : "'pending'";
  const at = Date.now();
  return {
    inbox: (where) => `${numbers}
      INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
      SELECT 'bench', 'z' || id, ${lane}, ${TENANT[kind]}, ${blob}, ${state}, ${at}
      FROM numbers ${where}`,
    // A part for each of those that are answered, on its way by the platform's API and not due yet.
    outbox: (tenant) => `INSERT INTO outbox (tenant_id, inbox_id, part, lane, channel, content,
        fingerprint, via, state, due_at, created_at)
      SELECT tenant_id, id, 0, lane, channel, ${blob}, ${blob}, 'send', 'pending', ${at + LATER_MS}, ${at}
      FROM inbox WHERE state = 'answered' AND key LIKE 'z%' ${tenant}`,
  };
};

const fillSqlite = ({ folder }, count, kind, sealed) => {
  const database = new Libsql(`${folder}/clawgate.db`);
  const { inbox, outbox } = rowsOf(count, kind, `X'${sealed.toString("hex")}'`);
  database.exec("PRAGMA synchronous = OFF; BEGIN IMMEDIATE");
  database.exec(inbox(""));
  database.exec(outbox(""));
  database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
};

const fillPostgres = async ({ url }, count, kind, sealed) => {
  const { inbox, outbox } = rowsOf(count, kind, `'\\x${sealed.toString("hex")}'::bytea`);
  const client = new pg.Client(url);
  await client.connect();
  await client.query("BEGIN; SELECT set_config('clawgate.access', 'intake', true)");
  await client.query(inbox(""));
  const { rows } = await client.query(
    "SELECT DISTINCT tenant_id FROM inbox WHERE state = 'answered'",
  );
  for (const { tenant_id: tenant } of rows) {
    await client.query("SELECT set_config('clawgate.tenant', $1, true)", [tenant]);
    await client.query(outbox(`AND tenant_id = '${tenant}'`));
  }
  await client.query("COMMIT");
  await client.query("VACUUM ANALYZE inbox, outbox");
  await client.end();
};

/** A place with so many waiting. */
const filledPlace = async (createDatabase, count, kind) => {
  const place = await createPlace(createDatabase);
  const delivery = await openDelivery(place);
  const sealed = (await delivery.cipher.of(SALES)).seal("bench", Buffer.alloc(200));
  await delivery.close();
  if (count > 0) await (createDatabase ? fillPostgres : fillSqlite)(place, count, kind, sealed);
  return place;
};

/** Microseconds of CPU, and of time at PARALLEL, that each message takes in each step. */
const measureSteps = async ({ inbox, outbox }, messages) => {
  const entries = [];
  const costs = [];
  const lanes = messages.map((message) => ({ id: laneOf(message), tenantId: SALES.tenantId }));
  const step = async (items, work) => {
    const { ms, cpuUs } = await timed(() => inParallel(items, PARALLEL, work));
    costs.push({ cpuUs: cpuUs / items.length, us: (ms * 1000) / items.length });
  };
  await step(messages, (message) => inbox.accept(message, SALES));
  await step(lanes, async (lane) => {
    const claim = await inbox.claim(lane);
    if (claim.kind !== "entry") throw new Error(`not claimed: ${JSON.stringify(claim)}`);
    entries.push(claim.entry);
  });
  await step(entries, (entry) =>
    outbox.complete(entry, { parts: ["So it is."], mayInline: false }),
  );
  await step(lanes, async (lane) => {
    if ((await outbox.step(lane)) !== "again") throw new Error("not sent");
  });
  return costs;
};

const print = (title, names, figures) => {
  console.log(`\n${title}; median (worst round), x of an empty one`);
  row(
    "",
    SIZES.map((size) => `${size} waiting`),
  );
  for (const name of names) {
    const base = figures.of(`${name} 0`);
    for (const key of Object.keys(base)) {
      const cells = SIZES.filter((size) => figures.of(`${name} ${size}`)).map((size) => {
        const values = figures.of(`${name} ${size}`)[key];
        const ratios = values.map((value, round) => value / base[key][round]);
        return `${figure(values, 0)} x${figure(ratios, 2).split(" ")[0]}`;
      });
      row(`${name}, ${key === "us" ? "time us" : "CPU us"}`, cells);
    }
  }
};

const steps = async (createDatabase, { rounds, scale, name }) => {
  const count = Math.ceil(1_000 * Math.min(1, scale * 4));
  const figures = createFigures();
  const opened = [];
  for (const size of SIZES) {
    const place = await filledPlace(createDatabase, Math.ceil(size * scale), "mixed");
    // Claims that open what they find, as another process's or a later one's do.
    opened.push({ size, delivery: await openDelivery(place, { takesAtOnce: false }) });
  }
  for (let round = -1; round < rounds; round++) {
    for (const { size, delivery } of opened) {
      const costs = await measureSteps(delivery, newMessages(count));
      if (round < 0) continue; // warm-up
      const all = { cpuUs: 0, us: 0 };
      for (const [index, cost] of costs.entries()) {
        figures.add(`${STEPS[index]} ${size}`, cost);
        for (const key of Object.keys(all)) all[key] += cost[key];
      }
      figures.add(`all ${size}`, all);
    }
  }
  for (const { delivery } of opened) await delivery.close();
  print(`backlog, steps (${name}): ${rounds} rounds of ${count}`, [...STEPS, "all"], figures);
};

/** What each of the first `count` costs a process that begins to work. */
const workOff = async (place, count, redis) => {
  await redis?.wipe(); // what it knows is of another place
  const delivery = await openDelivery(place, { takesAtOnce: redis === undefined });
  let working;
  const { ms, cpuUs } = await timed(async () => {
    working = delivery.work(redis?.url);
    while (delivery.counters.answered < count) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  await working.drain();
  await delivery.close();
  return { cpuUs: cpuUs / count, us: (ms * 1000) / count };
};

const work = async (createDatabase, { rounds, scale, name, redis }) => {
  const count = Math.ceil(1_000 * Math.min(1, scale * 4));
  const figures = createFigures();
  const places = [];
  for (const size of SIZES) {
    places.push({ size, place: await filledPlace(createDatabase, Math.ceil(size * scale), "own") });
  }
  for (let round = -1; round < rounds; round++) {
    for (const { size, place } of places) {
      const delivery = await openDelivery(place, { takesAtOnce: false });
      // Ahead of the others in the order of lanes, and more than are waited for: what is begun beyond
      // them must not be one of those that nobody can open.
      const name = `a${50 - round}`;
      const messages = Array.from({ length: count + BEGUN_BEYOND }, (_, i) =>
        newMessage(`${name}.${i}`),
      );
      await inParallel(messages, PARALLEL, (message) => delivery.inbox.accept(message, SALES));
      await delivery.close();
      const cost = await workOff(place, count, redis);
      if (round >= 0) figures.add(`work ${size}`, cost); // else warm-up
    }
  }
  print(`backlog, work (${name}): ${rounds} rounds of ${count}`, ["work"], figures);
};

export const backlog = async ({ rounds, scale, servers }) => {
  const options = { rounds, scale };
  await steps(undefined, { ...options, name: "SQLite" });
  await work(undefined, { ...options, name: "in-process, SQLite" });
  for (const createDatabase of servers.databases) {
    await steps(createDatabase, { ...options, name: "PostgreSQL" });
    await work(createDatabase, { ...options, name: "in-process, PostgreSQL" });
    const { redis } = servers;
    if (redis) await work(createDatabase, { ...options, name: "bull, PostgreSQL", redis });
  }
};
