// Question: what does it cost, from a WeCom callback to its encrypted passive reply, that the gateway
// stores the message durably, puts it on record and answers through its whole pipeline, against the
// stack that people write by hand (koa + xml2js + @wecom/crypto), which stores nothing?
//
// Sends the same callbacks to the built gateway, to that stack and to a bare node:http + node:crypto
// server, in turn and in the same run, once all of them are warm, and prints rates, latencies and the
// CPU that each event cost all threads, and the gateway's as a multiple of the others' round by round.
// Linux only. Run `npm start` once before (it builds), then:
//
//     node bench/wecom.mjs [rounds]
import { createDecipheriv } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";
import { startHandWritten } from "./wecom/hand-written.mjs";
import {
  CORP,
  callbacks,
  cpuUsOf,
  encrypt,
  KEY,
  load,
  quantile,
  SPREAD,
  sign,
  spread,
  startChild,
  startGateway,
} from "./wecom-load.mjs";

const MESSAGES = 600;
/** Enough for V8 to have compiled all: what a callback costs falls for some 4,500, with each server. */
const WARM_UP_ROUNDS = 10;
/** What a server still does for the last callbacks of a round, when all are answered, counts as well. */
const AFTERWARDS_MS = 100;

const decrypt = (base64) => {
  const decipher = createDecipheriv("aes-256-cbc", KEY, KEY.subarray(0, 16)).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(base64, "base64"), decipher.final()]);
  return plain.subarray(20, 20 + plain.readUInt32BE(16)).toString();
};

const envelope = (encrypted, timestamp, nonce) =>
  `<xml><Encrypt><![CDATA[${encrypted}]]></Encrypt><MsgSignature><![CDATA[${sign(timestamp, nonce, encrypted)}]]></MsgSignature>` +
  `<TimeStamp>${timestamp}</TimeStamp><Nonce><![CDATA[${nonce}]]></Nonce></xml>`;

const field = (xml, name) => new RegExp(`<${name}><!\\[CDATA\\[(.*?)\\]\\]>`).exec(xml)?.[1] ?? "";

/** The least that any server must do with such a callback; it stores nothing. */
const startBare = async () => {
  const server = createServer(async (incoming, response) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const query = new URL(incoming.url, "http://bare").searchParams;
    const encrypted = field(Buffer.concat(chunks).toString(), "Encrypt");
    const [timestamp, nonce] = [query.get("timestamp"), query.get("nonce")];
    if (sign(timestamp, nonce, encrypted) !== query.get("msg_signature")) {
      response.writeHead(403).end();
      return;
    }
    const inner = decrypt(encrypted);
    const reply =
      `<xml><ToUserName><![CDATA[${field(inner, "FromUserName")}]]></ToUserName><FromUserName><![CDATA[${CORP}]]></FromUserName>` +
      `<CreateTime>${timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${field(inner, "Content")}]]></Content></xml>`;
    const body = envelope(encrypt(reply), timestamp, nonce);
    response.writeHead(200, { "content-length": Buffer.byteLength(body) }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
};

/** How many at a time, and whether their connections are kept. */
const MODES = [
  [1, true],
  [32, true],
  [64, true],
  [32, false],
];

const measure = async ({ port, pid }, parallel, isKept) => {
  const requests = callbacks("echoed", MESSAGES);
  const before = cpuUsOf(pid);
  const isRight = (body) => body.startsWith("<xml>");
  const { times, perSecond } = await load(port, requests, parallel, isRight, isKept);
  await setTimeout(AFTERWARDS_MS);
  const cpu = (cpuUsOf(pid) - before) / MESSAGES;
  return { perSecond, median: quantile(times, 0.5), p99: quantile(times, 0.99), cpu };
};

/** So many rounds of each server, in turn; there and back again, so that none always follows the same one. */
const measureAll = async (servers, rounds, parallel, isKept) => {
  const found = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const inTurn = Object.entries(servers);
    for (const [name, server] of round % 2 === 0 ? inTurn : inTurn.reverse()) {
      found[name].push(await measure(server, parallel, isKept));
    }
  }
  return found;
};

const print = (found) => {
  for (const [name, runs] of Object.entries(found)) {
    const of = (figure, digits) =>
      spread(
        runs.map((run) => run[figure]),
        digits,
      );
    console.log(`  ${name}: ${of("perSecond", 0)} per s`);
    console.log(`    median ${of("median")} ms`);
    console.log(`    p99    ${of("p99", 1)} ms`);
    console.log(`    CPU    ${of("cpu", 0)} us each`);
  }
  for (const other of ["hand-written", "bare"]) {
    const ratio = (figure) =>
      spread(found.gateway.map((ours, round) => ours[figure] / found[other][round][figure]));
    console.log(`  gateway / ${other}, rate: x ${ratio("perSecond")}`);
    console.log(`  gateway / ${other}, CPU:  x ${ratio("cpu")}`);
  }
};

const compare = async (rounds) => {
  const self = import.meta.filename;
  const servers = {
    bare: await startChild([self, "--bare"], /bare (\d+)/),
    "hand-written": await startChild([self, "--hand-written"], /hand-written (\d+)/),
    gateway: await startGateway(),
  };
  try {
    console.log(`${rounds} rounds of ${MESSAGES} callbacks for each server; ${SPREAD}`);
    await measureAll(servers, WARM_UP_ROUNDS, 32, true);
    for (const [parallel, isKept] of MODES) {
      await measureAll(servers, 1, parallel, isKept);
      const kind = isKept ? "kept connections" : "a connection for each";
      console.log(`${parallel} at a time, ${kind}`);
      print(await measureAll(servers, rounds, parallel, isKept));
    }
  } finally {
    for (const server of Object.values(servers)) server.stop();
  }
};

if (process.argv[2] === "--bare") console.log(`bare ${await startBare()}`);
else if (process.argv[2] === "--hand-written") {
  console.log(`hand-written ${await startHandWritten()}`);
} else await compare(Number(process.argv[2] ?? 7));
