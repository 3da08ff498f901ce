// Claim: a message's whole path (signature, decryption, de-duplication, tenant, audit, durable inbox
// and outbox, encrypted passive reply) costs at most twice the CPU of a bare node:http server that
// reads the body and answers in batches.
//
// Sends new echo callbacks, 32 at a time or as many as you say, to both in turn and prints the CPU
// time of all threads of each server per event, and the ratio gateway / bare: over kept connections,
// which is what is claimed, and over one for each callback, as from a proxy that keeps none. Each
// server is a process of its own; what the load costs is not counted. Linux only; run `npm start`
// once before (it builds), then:
//
//     node bench/message-path.mjs [rounds] [at a time]
import { once } from "node:events";
import { createServer } from "node:http";
import {
  callbacks,
  cpuUsOf,
  load,
  SPREAD,
  spread,
  startChild,
  startGateway,
} from "./wecom-load.mjs";

const MESSAGES = 8000;
const PARALLEL = Number(process.argv[3] ?? 32);

/** The least that any server must do; what came in one turn of the event loop is answered together. */
const startBare = async () => {
  let waiting = [];
  const answer = () => {
    for (const response of waiting) response.end();
    waiting = [];
  };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      Buffer.concat(chunks);
      if (waiting.push(response) === 1) setImmediate(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
};

const measure = async ({ pid, port }, isKept, isRight) => {
  const requests = callbacks("echoed", MESSAGES);
  const before = cpuUsOf(pid);
  const { perSecond } = await load(port, requests, PARALLEL, isRight, isKept);
  return { cpuUs: (cpuUsOf(pid) - before) / MESSAGES, perSecond };
};

const compare = async (bare, gateway, isKept, rounds) => {
  const ratios = [];
  const figures = { bare: [], gateway: [] };
  for (let round = 0; round <= rounds; round++) {
    const base = await measure(bare, isKept, (body) => body === "");
    const ours = await measure(gateway, isKept, (body) =>
      body.startsWith("<xml><Encrypt><![CDATA["),
    );
    if (round === 0) continue; // warm-up
    ratios.push(ours.cpuUs / base.cpuUs);
    figures.bare.push(base);
    figures.gateway.push(ours);
  }
  console.log(isKept ? "kept connections" : "a connection for each");
  for (const [name, measured] of Object.entries(figures)) {
    const cpu = spread(
      measured.map(({ cpuUs }) => cpuUs),
      1,
    );
    const rate = spread(
      measured.map(({ perSecond }) => perSecond),
      0,
    );
    console.log(`  ${name.padEnd(8)} ${cpu} us of CPU per event, ${rate} per s`);
  }
  console.log(`  gateway / bare, CPU: x ${spread(ratios)}`);
};

if (process.argv[2] === "--bare") {
  console.log(`bare ${await startBare()}`);
} else {
  const rounds = Number(process.argv[2] ?? 5);
  const bare = await startChild([import.meta.filename, "--bare"], /bare (\d+)/);
  const gateway = await startGateway();
  try {
    console.log(`${rounds} rounds of ${MESSAGES} messages, ${PARALLEL} at a time; ${SPREAD}`);
    for (const isKept of [true, false]) await compare(bare, gateway, isKept, rounds);
  } finally {
    gateway.stop();
    bare.stop();
  }
}
