// Claim: with a million exchanges in one tenant's memory a search takes less than 100 ms at p99,
// whether for a rare word, a word that is in half of the rows, two Chinese characters or eight
// common words, of everybody or of one person.
//
// Stores the rows through the real repository, sealed and indexed, and prints what that took per row,
// then p50 and p99 of 200 searches of each kind, in turn, by the clock and in time of the processor,
// of which a machine that is busy with other work gives less in the same time. Run `npm run build` once before, then:
//
//     node bench/memory.mjs [rows, default 300000] [postgres://…]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContentCipher } from "../dist/core/keys/content-cipher.js";
import { createKeyFile } from "../dist/core/keys/key-file.js";
import { createMemory } from "../dist/core/memory/memory.js";
import { openStore } from "../dist/core/store/open-store.js";
import { tenantScope } from "../dist/core/store/scope.js";

const ROWS = Number(process.argv[2] ?? 300_000);
const SEARCHES = 200;
const PEOPLE = 500;
const AT_ONCE = 1000;

const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
const store = await openStore({ url: process.argv[3] ?? `file:${folder}` });
const now = () => new Date();
const log = { info: () => {}, warn: console.warn, error: console.error };
const keys = createKeyFile(join(folder, "master.key"), now);
const cipher = await createContentCipher({ store, keys, now, log });
// A tenant of its own, so that a database that is used again does not count.
const scope = tenantScope(`bench-${Date.now().toString(36)}`);
const memory = createMemory({ store, cipher, now, log, indexAfterMs: 3_600_000 });

// The same rows in every run.
let seed = 7;
const below = (limit) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % limit;
};
const COMMON = ["please", "report", "budget", "meeting", "sales", "quarter", "client", "review"];
const HAN = ["预算", "会议", "客户", "报告"];
const questionOf = (row) => {
  const common = COMMON.filter(() => below(2) === 0);
  const word = `w${below(20_000)}`;
  return `${common.join(" ")} ${HAN[below(4)]} ${word} ${row % 50_000 === 0 ? "zanzibar" : ""}`;
};
const messageOf = (person) => ({
  channel: "slack",
  workspaceId: "T1",
  conversation: { id: `D${person}`, kind: "direct" },
  sender: { id: `U${person}` },
});

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

try {
  let began = performance.now();
  let cpu = cpuMs();
  const lap = (what) => {
    const [ms, of] = [performance.now() - began, cpuMs() - cpu];
    console.log(
      `  ${what}: ${((1000 * ms) / ROWS).toFixed(0)} us a row, ${((1000 * of) / ROWS).toFixed(0)} us of CPU`,
    );
    [began, cpu] = [performance.now(), cpuMs()];
  };
  console.log(`${ROWS} rows, ${store.dialect ?? (process.argv[3] ? "postgresql" : "sqlite")}`);
  for (let row = 0; row < ROWS; row += AT_ONCE) {
    const works = [];
    for (let each = row; each < Math.min(row + AT_ONCE, ROWS); each += 1) {
      const exchange = { question: questionOf(each), answer: "done", isSensitive: false };
      works.push(await memory.prepare(scope, messageOf(each % PEOPLE), exchange));
    }
    await store.write(scope, async (transaction) => {
      for (const work of works) await work(transaction);
    });
  }
  lap("stored");
  await memory.index(scope);
  lap("indexed");
  if (!process.argv[3]) {
    const mib = statSync(join(folder, "clawgate.db")).size / 1024 / 1024;
    console.log(`  database: ${mib.toFixed(0)} MiB`);
  }

  const person = { channel: "slack", workspaceId: "T1", senderId: "U7" };
  const kinds = {
    "a rare word": () => ({ text: "zanzibar" }),
    "a word of few rows": () => ({ text: `w${below(20_000)}` }),
    "a common word": () => ({ text: COMMON[below(8)] }),
    "two Chinese characters": () => ({ text: HAN[below(4)] }),
    "eight common words": () => ({ text: COMMON.join(" ") }),
    "eight common words and a rare one": () => ({ text: `${COMMON.join(" ")} zanzibar` }),
    "eight common words, one person": () => ({ text: COMMON.join(" "), person }),
    "a common word, one person": () => ({ text: COMMON[below(8)], person }),
    "a word that nobody said": () => ({ text: `x${below(20_000)}` }),
  };
  const took = new Map(Object.keys(kinds).map((kind) => [kind, { clock: [], processor: [] }]));
  const hits = new Map();
  for (let turn = 0; turn < SEARCHES; turn += 1) {
    for (const [kind, make] of Object.entries(kinds)) {
      const query = { ...make(), limit: 20 };
      const [start, before] = [performance.now(), cpuMs()];
      const found = await memory.search(scope, query);
      took.get(kind).clock.push(performance.now() - start);
      took.get(kind).processor.push(cpuMs() - before);
      hits.set(kind, found.length);
    }
  }
  console.log(`  ${SEARCHES} searches: p50 / p99 in ms, the same of the processor, hits`);
  const figures = (times) => {
    times.sort((one, other) => one - other);
    const at = (share) => times[Math.floor((times.length - 1) * share)].toFixed(1);
    return `${at(0.5)} / ${at(0.99)}`;
  };
  for (const [kind, { clock, processor }] of took) {
    console.log(`    ${kind}: ${figures(clock)}, ${figures(processor)}, ${hits.get(kind)}`);
  }
} finally {
  await memory.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}
