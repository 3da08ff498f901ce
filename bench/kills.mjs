// Claim: `kill -9` at random moments, with answers that take 100 ms, two of three in the callback's
// response and the third in three messages: of 200 kills none loses an acknowledged message, and no
// answer is seen twice but those that a response had in flight when its process died, for which
// WeCom has no idempotency.
//
// Kills and restarts the built gateway while somebody asks every 80 ms, through a
// stand-in of WeCom that delivers again what got no complete response and checks for duplicates. Run
// `npm start` once before (it builds), then the following; "given up" are those that got an apology
// because three processes or more died while they were answered, under the last of them alone:
//
//     node bench/kills.mjs [kills] [sqlite|postgres|replicas|roles] [checkout]
//
// `postgres` is one process on PostgreSQL, `replicas` two of them, `roles` two gateways and two workers
// with Redis as well; of several a random one is killed each time. The first of them runs the build
// in the folder of another checkout if one is named: as while a fleet is upgraded.
import { join } from "node:path";
import { runnerImport } from "vite";

const SHOWN = 10;
const FLEETS = {
  sqlite: { servers: [], roles: ["gateway,worker"], gateways: [0] },
  postgres: { servers: ["postgres"], roles: ["gateway,worker"], gateways: [0] },
  replicas: {
    servers: ["postgres"],
    roles: ["gateway,worker", "gateway,worker"],
    gateways: [0, 1],
  },
  roles: {
    servers: ["postgres", "redis"],
    roles: ["gateway", "worker", "worker", "gateway"],
    gateways: [0, 3],
  },
};

const load = async (file) => {
  const path = join(import.meta.dirname, "..", "test", "fakes", file);
  return (await runnerImport(path, { logLevel: "error", configFile: false })).module;
};

const [kills = "200", name = "sqlite", checkout] = process.argv.slice(2);
if (!FLEETS[name]) throw new Error(`no fleet ${name}; there are ${Object.keys(FLEETS).join(", ")}`);
const { servers, roles, gateways } = FLEETS[name];
const { createFleet } = await load("fleet.ts");
const { killStorm } = await load("kill-storm.ts");
const { startPostgres } = await load("postgres-server.ts");
const { startRedis } = await load("redis-server.ts");

const postgres = servers.includes("postgres") ? await startPostgres() : undefined;
const redis = servers.includes("redis") ? await startRedis() : undefined;
const checkouts = checkout === undefined ? [] : [checkout];
const fleet = await createFleet({ postgres, redis, roles, checkouts });
try {
  const result = await killStorm(fleet, {
    kills: Number(kills),
    random: Math.random,
    gateways,
    onKill: (done) => process.stderr.write(`\r${done} of ${kills} kills `),
  });
  const { questions, acknowledged, inFlight, lost, twice, twiceInFlight, givenUp } = result;
  console.log(`\n${name}: ${result.kills} kills, ${questions} questions`);
  console.log(`acknowledged     ${acknowledged} (the platform gave up on the others)`);
  console.log(`in flight        ${inFlight} in responses, when their processes died`);
  const lists = { lost, twice, "twice in flight": twiceInFlight, "given up": givenUp };
  for (const [what, list] of Object.entries(lists)) {
    console.log(`${what.padEnd(16)} ${list.length}`);
    for (const line of list.slice(0, SHOWN)) console.log(`    ${line}`);
  }
  process.exitCode = lost.length + twice.length > 0 ? 1 : 0;
} finally {
  await fleet.close();
  await Promise.all([postgres?.close(), redis?.close()]);
}
