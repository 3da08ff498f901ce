// Question: what does it cost, from a Slack event to its answer in the thread, that the gateway stores
// the message durably, answers each exactly once, puts it on record and goes through its whole
// pipeline, against a hand-written echo bot on Bolt, which stores nothing?
//
// Sends the same signed events to the built gateway and to that bot, in turn and in the same run, in
// front of the same stand-in of the Web API; prints events per second, the latency of acknowledgements
// and of answers, and the CPU and memory of each. Ratios above 1 say that the gateway is faster, or
// needs less. Run `npm start` once before (it builds), then:
//
//     node bench/slack.mjs [rounds] [events]
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantile, spread, startChild } from "./wecom-load.mjs";

const SECRET = "bench-signing-secret";
const TEAM = "T0BENCH";
const PARALLEL = 64;
/** Rooms that the events come from; a person writes in each. */
const ROOMS = 200;

/** Answers every call at once, and notes when each answer came; the text names its event. */
const startStub = async () => {
  const answered = new Map();
  let duplicates = 0;
  let posts = 0;
  const server = createServer(async (incoming, response) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const method = incoming.url.split("/").at(-1);
    let body = { ok: true };
    if (method === "auth.test") {
      body = { ok: true, team_id: TEAM, user_id: "U0BENCH", bot_id: "B0BENCH", team: "bench" };
    } else if (method === "users.info") {
      body = { ok: true, user: { id: form.get("user"), team_id: TEAM, name: "someone" } };
    } else if (method === "chat.postMessage") {
      const event = /event-\d+-\d+/.exec(form.get("text") ?? "")?.[0];
      if (event !== undefined) {
        if (answered.has(event)) duplicates += 1;
        else answered.set(event, performance.now());
        stub.onAnswer?.(answered.size);
      }
      posts += 1;
      const ts = `1700000001.${String(posts).padStart(6, "0")}`;
      body = { ok: true, channel: form.get("channel"), ts };
    }
    const json = JSON.stringify(body);
    response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(json);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stub = {
    baseUrl: `http://127.0.0.1:${server.address().port}/api/`,
    answered,
    duplicates: () => duplicates,
    onAnswer: undefined,
    stop: () => server.close(),
  };
  return stub;
};

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
  return {
    ...child,
    stop: () => {
      child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const startBolt = async (baseUrl) => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const bot = join(import.meta.dirname, "slack", "bolt.mjs");
  return startChild([bot, baseUrl, SECRET, String(port)], /listens on http:\S+?:(\d+)/);
};

/** A person's message in a direct chat, signed. */
const eventOf = (round, index) => {
  const room = String(index % ROOMS).padStart(4, "0");
  const seconds = Math.floor(Date.now() / 1000);
  const ts = `${seconds}.${String(round * 100_000 + index).padStart(6, "0")}`;
  const body = JSON.stringify({
    type: "event_callback",
    team_id: TEAM,
    api_app_id: "A0BENCH",
    event_id: `Ev${round}x${index}`,
    event_time: seconds,
    authorizations: [{ team_id: TEAM, user_id: "U0BENCH", is_bot: true }],
    event: {
      ...{ type: "message", channel_type: "im", channel: `D0ROOM${room}`, user: `U0ASK${room}` },
      ...{ team: TEAM, user_team: TEAM, ts, text: `event-${round}-${index}` },
    },
  });
  const signature = createHmac("sha256", SECRET).update(`v0:${seconds}:${body}`).digest("hex");
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-slack-request-timestamp": String(seconds),
    "x-slack-signature": `v0=${signature}`,
  };
  return { id: `event-${round}-${index}`, body, headers };
};

const post = (port, agent, { body, headers }) =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/api/slack/events", method: "POST" };
    const call = request({ ...options, agent, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    call.on("error", reject).end(body);
  });

/** CPU time of all threads of a process, in microseconds; Linux counts hundredths of a second. */
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
};

const memoryOf = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

const measure = async ({ port, pid }, stub, round, count) => {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const events = Array.from({ length: count }, (_, index) => eventOf(round, index));
  const sentAt = new Map();
  const acks = [];
  const before = stub.answered.size;
  const all = new Promise((resolve) => {
    stub.onAnswer = (answered) => answered === before + count && resolve();
  });
  const cpu = cpuOf(pid);
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < events.length) {
      const event = events[next++];
      const sent = performance.now();
      sentAt.set(event.id, sent);
      const status = await post(port, agent, event);
      if (status !== 200) throw new Error(`${event.id} was answered with ${status}`);
      acks.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  await all;
  const seconds = (performance.now() - started) / 1000;
  agent.destroy();
  const answers = events.map(({ id }) => stub.answered.get(id) - sentAt.get(id));
  return {
    perSecond: count / seconds,
    cpu: (cpuOf(pid) - cpu) / count,
    memory: memoryOf(pid),
    ack: [quantile(acks, 0.5), quantile(acks, 0.99)],
    answer: [quantile(answers, 0.5), quantile(answers, 0.99)],
  };
};

const rounds = Number(process.argv[2] ?? 3);
const count = Number(process.argv[3] ?? 3000);
const stub = await startStub();
const children = { gateway: await startGateway(stub.baseUrl), bolt: await startBolt(stub.baseUrl) };
const results = { gateway: [], bolt: [] };
try {
  let round = 0;
  // The first of each warms it up.
  for (let turn = 0; turn <= rounds; turn++) {
    for (const [name, child] of Object.entries(children)) {
      const result = await measure(child, stub, ++round, count);
      if (turn > 0) results[name].push(result);
    }
  }
  const of = (name, pick) => spread(results[name].map(pick));
  for (const name of Object.keys(children)) {
    console.log(`${name}:`);
    console.log(`  events per second ${of(name, (result) => result.perSecond)}`);
    console.log(`  CPU per event, us ${of(name, (result) => result.cpu)}`);
    console.log(`  acknowledged, ms  p50 ${of(name, (result) => result.ack[0])}`);
    console.log(`                    p99 ${of(name, (result) => result.ack[1])}`);
    console.log(`  answered, ms      p50 ${of(name, (result) => result.answer[0])}`);
    console.log(`                    p99 ${of(name, (result) => result.answer[1])}`);
    console.log(`  memory, MiB       ${of(name, (result) => result.memory)}`);
  }
  const ratios = (pick) => spread(results.gateway.map((mine, at) => pick(mine, results.bolt[at])));
  console.log(
    `gateway / bolt, events: ${ratios((mine, theirs) => mine.perSecond / theirs.perSecond)}`,
  );
  console.log(`gateway / bolt, CPU:    ${ratios((mine, theirs) => mine.cpu / theirs.cpu)}`);
  console.log(`answered twice: ${stub.duplicates()}`);
} finally {
  for (const child of Object.values(children)) child.stop();
  stub.stop();
}
