// Claim: taking a WeCom callback costs little more than its cryptography and one durable write.
//
// Sends the same encrypted callbacks to the built gateway and to a bare node:http + node:crypto
// server that only checks, decrypts and (for echo) encrypts, in turn and in the same run, and
// prints the ratios gateway / bare. Run `npm start` once before (it builds), then:
//
//     node bench/wecom-callback.mjs [rounds]
import { createDecipheriv } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import {
  CORP,
  callbacks,
  encrypt,
  KEY,
  load,
  quantile,
  sign,
  spread,
  startChild,
  startGateway,
} from "./wecom-load.mjs";

const MESSAGES = 400;

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
    if (field(inner, "MsgType") === "event") {
      response.end();
      return;
    }
    const reply =
      `<xml><ToUserName><![CDATA[${field(inner, "FromUserName")}]]></ToUserName><FromUserName><![CDATA[${CORP}]]></FromUserName>` +
      `<CreateTime>${timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${field(inner, "Content")}]]></Content></xml>`;
    response.end(envelope(encrypt(reply), timestamp, nonce));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
};

const measure = async (port, kind, parallel) => {
  const isRight = (body) => (kind === "echoed" ? body.startsWith("<xml>") : body === "");
  const { times, perSecond } = await load(port, callbacks(kind, MESSAGES), parallel, isRight);
  return { median: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond };
};

const compare = async (rounds) => {
  const bare = await startChild([import.meta.filename, "--bare"], /bare (\d+)/);
  const gateway = await startGateway();
  try {
    console.log(`${rounds} rounds of ${MESSAGES} callbacks each; min / median / max`);
    for (const kind of ["acknowledged", "echoed"]) {
      for (const parallel of [1, 32]) {
        const ratios = { median: [], p99: [], perSecond: [] };
        const own = { median: [], perSecond: [] };
        for (const port of [bare.port, gateway.port]) await measure(port, kind, parallel); // warm-up
        for (let round = 1; round <= rounds; round++) {
          const base = await measure(bare.port, kind, parallel);
          const ours = await measure(gateway.port, kind, parallel);
          for (const figure of Object.keys(ratios))
            ratios[figure].push(ours[figure] / base[figure]);
          for (const figure of Object.keys(own)) own[figure].push(ours[figure]);
        }
        console.log(
          `callback ${kind}, ${parallel} at a time: latency x ${spread(ratios.median)} (p99 x ${spread(ratios.p99)}), ` +
            `rate x ${spread(ratios.perSecond)}; ours ${spread(own.median)} ms, ${spread(own.perSecond, 0)} per s`,
        );
      }
    }
  } finally {
    gateway.stop();
    bare.stop();
  }
};

if (process.argv[2] === "--bare") console.log(`bare ${await startBare()}`);
else await compare(Number(process.argv[2] ?? 7));
