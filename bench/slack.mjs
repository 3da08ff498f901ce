// Question: what does it cost, from a Slack event to its answer in the thread, that the gateway stores
// the message durably, answers each exactly once, puts it on record and goes through its whole
// pipeline, against a hand-written echo bot on Bolt, and one on Vercel's Chat SDK, which store nothing?
//
// Sends the same signed events to the built gateway and to those bots, in turn and in the same run, in
// front of the same stand-in of the Web API; prints events per second, the latency of acknowledgements
// and of answers, and the CPU and memory of each. Ratios of events above 1 say that the gateway is
// faster, ratios of CPU below 1 that it needs less. Run `npm start` once before (it builds); the Chat
// SDK takes part where it is installed, as slack/vercel-chat/bot.mjs says. Then:
//
//     node bench/slack.mjs [rounds] [events]
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { eventsOf, load, PATH, SECRET, startStandIn, TEAM } from "./slack-load.mjs";
import { quantile, startChild } from "./wecom-load.mjs";

const PARALLEL = 64;
/** Enough for V8 to have compiled all: the two quicker ones need some 3,000, the Chat SDK 5,000. */
const WARM_UP_EVENTS = 6_000;
/** What a server still does for the last events of a round, when all are answered, counts as well. */
const AFTERWARDS_MS = 100;
const BOTS = join(import.meta.dirname, "slack");

const startGateway = async (baseUrl) => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
  const file = join(folder, "settings.json");
  const settings = {
    server: { port: 0 },
    storage: { url: "file:./data" },
    channels: {
      slack: {
        mode: "http",
        signing_secret: SECRET,
        bot_token: "xoxb-bench",
        api_base_url: baseUrl,
      },
    },
    multi_tenant: {
      tenants: [
        {
          id: "bench",
          llm_config: { provider: "echo" },
          bindings: [{ channel: "slack", workspace: TEAM }],
        },
      ],
    },
  };
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const main = join(import.meta.dirname, "..", "dist", "cli", "main.js");
  const log = openSync(join(folder, "log"), "w");
  const listens = /listens on http:\S+?:(\d+).*\n {2}sandbox/s;
  const child = await startChild([main, "start", "--settings", file], listens, log);
  closeSync(log);
  return {
    ...child,
    stop: () => {
      child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A bot of this folder on a port that is free just now. */
const startBot = async (file, baseUrl) => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const bot = join(BOTS, file);
  return startChild([bot, baseUrl, SECRET, String(port), PATH], /listens on http:\S+?:(\d+)/);
};

/** CPU time of each thread of a process, in nanoseconds. */
const cpuOf = (pid) =>
  new Map(
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
      return [thread, Number(text.split(" ")[0])];
    }),
  );

/** Microseconds of all threads between two such looks. Throws when one ended: what it took is lost. */
const cpuBetween = (before, after) => {
  for (const thread of before.keys()) if (!after.has(thread)) throw new Error("a thread ended");
  const sum = (times) => [...times.values()].reduce((all, time) => all + time, 0);
  return (sum(after) - sum(before)) / 1000;
};

/** The same of the main thread alone: with a core of its own, it is what bounds the rate. */
const mainBetween = (before, after, pid) =>
  (after.get(String(pid)) - before.get(String(pid))) / 1000;

const memoryOf = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

const measure = async ({ port, pid }, standIn, round, count) => {
  const events = eventsOf(round, count);
  const before = cpuOf(pid);
  const { acks, answers, ms } = await load(port, events, PARALLEL, standIn);
  await setTimeout(AFTERWARDS_MS);
  const after = cpuOf(pid);
  return {
    perSecond: (count / ms) * 1000,
    cpu: cpuBetween(before, after) / count,
    main: mainBetween(before, after, pid) / count,
    memory: memoryOf(pid),
    ack: [quantile(acks, 0.5), quantile(acks, 0.99)],
    answer: [quantile(answers, 0.5), quantile(answers, 0.99)],
  };
};

/** `min / quartile / median / quartile / max` */
const spread = (values) =>
  [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q).toFixed(2)).join(" / ");

const rounds = Number(process.argv[2] ?? 20);
const count = Number(process.argv[3] ?? 1000);
const standIn = await startStandIn();
const children = {};
const results = {};
try {
  children.gateway = await startGateway(standIn.baseUrl);
  children.bolt = await startBot("bolt.mjs", standIn.baseUrl);
  if (existsSync(join(BOTS, "vercel-chat", "node_modules"))) {
    children.chat = await startBot("vercel-chat/bot.mjs", standIn.baseUrl);
  }
  for (const name of Object.keys(children)) results[name] = [];
  let round = 0;
  for (let turn = -Math.ceil(WARM_UP_EVENTS / count); turn < rounds; turn++) {
    // There and back again, so that none always follows the same one.
    const inTurn = Object.entries(children);
    for (const [name, child] of turn % 2 === 0 ? inTurn : inTurn.reverse()) {
      const result = await measure(child, standIn, ++round, count);
      if (turn >= 0) results[name].push(result);
    }
  }
  const of = (name, pick) => spread(results[name].map(pick));
  for (const name of Object.keys(children)) {
    console.log(`${name}:`);
    console.log(`  events per second ${of(name, (result) => result.perSecond)}`);
    console.log(`  CPU per event, us ${of(name, (result) => result.cpu)}`);
    console.log(`  main thread, us   ${of(name, (result) => result.main)}`);
    console.log(`  acknowledged, ms  p50 ${of(name, (result) => result.ack[0])}`);
    console.log(`                    p99 ${of(name, (result) => result.ack[1])}`);
    console.log(`  answered, ms      p50 ${of(name, (result) => result.answer[0])}`);
    console.log(`                    p99 ${of(name, (result) => result.answer[1])}`);
    console.log(`  memory, MiB       ${of(name, (result) => result.memory)}`);
  }
  for (const name of Object.keys(children)) {
    if (name === "gateway") continue;
    const ratios = (pick) =>
      spread(results.gateway.map((mine, at) => pick(mine) / pick(results[name][at])));
    console.log(`gateway / ${name}, events: ${ratios((result) => result.perSecond)}`);
    console.log(`gateway / ${name}, CPU:    ${ratios((result) => result.cpu)}`);
    console.log(`gateway / ${name}, main:   ${ratios((result) => result.main)}`);
  }
  console.log(`answered twice: ${standIn.duplicates}`);
} finally {
  for (const child of Object.values(children)) child.stop();
  standIn.stop();
}
