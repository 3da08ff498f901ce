// Claim: `kill -9` at random moments, with answers that take 100 ms, two of three in the callback's
// response and the third in three messages: of 200 kills none loses an acknowledged message, and no
// answer is seen twice.
//
// Kills and restarts the built gateway while somebody asks every 80 ms, through a
// stand-in of WeCom that delivers again what got no complete response and checks for duplicates. Run
// `npm start` once before (it builds), then the following; "given up" are those that got an apology
// because three processes or more died while they were answered, under the last of them alone:
//
//     node bench/kills.mjs [kills] [postgres]
import { join } from "node:path";
import { runnerImport } from "vite";

const SHOWN = 10;

const load = async (file) => {
  const path = join(import.meta.dirname, "..", "test", "fakes", file);
  return (await runnerImport(path, { logLevel: "error", configFile: false })).module;
};

const [kills = "200", storage = "sqlite"] = process.argv.slice(2);
const { createFleet } = await load("fleet.ts");
const { killStorm } = await load("kill-storm.ts");
const { startPostgres } = await load("postgres-server.ts");

const postgres = storage === "postgres" ? await startPostgres() : undefined;
const fleet = await createFleet({ postgres });
try {
  const result = await killStorm(fleet, {
    kills: Number(kills),
    random: Math.random,
    onKill: (done) => process.stderr.write(`\r${done} of ${kills} kills `),
  });
  const { questions, acknowledged, lost, twice, givenUp } = result;
  console.log(`\n${storage}: ${result.kills} kills, ${questions} questions`);
  console.log(`acknowledged  ${acknowledged} (the platform gave up on the others)`);
  for (const [name, list] of Object.entries({ lost, twice, "given up": givenUp })) {
    console.log(`${name.padEnd(13)} ${list.length}`);
    for (const line of list.slice(0, SHOWN)) console.log(`    ${line}`);
  }
  process.exitCode = lost.length > 0 ? 1 : 0;
} finally {
  await fleet.close();
  await postgres?.close();
}
