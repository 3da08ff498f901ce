// Claim: taking a WeCom callback costs little more than its cryptography and one durable write.
//
// Sends the same encrypted callbacks to the built gateway and to a bare node:http + node:crypto
// server that only checks, decrypts and (for echo) encrypts, in turn and in the same run, and
// prints the ratios gateway / bare. Run `npm start` once before (it builds), then:
//
//     node bench/wecom-callback.mjs [rounds]
import { spawn } from "node:child_process";
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CORP = "wwbench0000000001";
const AGENT = "1000002";
const TOKEN = "benchToken";
const AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const KEY = Buffer.from(`${AES_KEY}=`, "base64");
const PATH = "/api/wechat/callback";
const MESSAGES = 400;

const sign = (...values) =>
  createHash("sha1")
    .update([TOKEN, ...values].sort().join(""))
    .digest("hex");

const encrypt = (text) => {
  const message = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([randomBytes(16), length, message, Buffer.from(CORP)]);
  const padding = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", KEY, KEY.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(padding, padding)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString("base64");
};

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

const startChild = async (args, ready) => {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    const port = ready.exec(output)?.[1];
    if (port) {
      child.stdout.resume();
      return { port: Number(port), stop: () => child.kill("SIGKILL") };
    }
  }
  throw new Error(`did not start: ${output}`);
};

const startGateway = (folder) => {
  const settings = {
    server: { port: 0 },
    storage: { url: "file:./data" },
    channels: {
      wechat_work: {
        corp_id: CORP,
        agent_id: AGENT,
        secret: "benchSecret",
        token: TOKEN,
        encoding_aes_key: AES_KEY,
        webhook_path: PATH,
        api_base_url: "http://127.0.0.1:9",
      },
    },
    multi_tenant: {
      tenants: [
        {
          id: "bench",
          llm_config: { provider: "echo" },
          bindings: [{ channel: "wechat_work", workspace: CORP }],
        },
      ],
    },
  };
  const file = join(folder, "settings.json");
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const main = join(import.meta.dirname, "..", "dist", "cli", "main.js");
  return startChild([main, "start", "--settings", file], /listens on http:\/\/127\.0\.0\.1:(\d+)/);
};

let messageId = 7_000_000_000_000_000_000n;
const INNER = {
  acknowledged: (user) =>
    `<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[enter_agent]]></Event><EventKey><![CDATA[${user}]]></EventKey>`,
  echoed: () =>
    `<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[what is 12% of 340?]]></Content><MsgId>${++messageId}</MsgId>`,
};

const post = (port, agent, kind) =>
  new Promise((resolve, reject) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomBytes(6).toString("hex");
    const user = `u${++messageId}`;
    const encrypted = encrypt(
      `<xml><ToUserName><![CDATA[${CORP}]]></ToUserName><FromUserName><![CDATA[${user}]]></FromUserName>` +
        `<CreateTime>${timestamp}</CreateTime>${INNER[kind](user)}<AgentID>${AGENT}</AgentID></xml>`,
    );
    const body = `<xml><ToUserName><![CDATA[${CORP}]]></ToUserName><AgentID><![CDATA[${AGENT}]]></AgentID><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
    const query = `msg_signature=${sign(timestamp, nonce, encrypted)}&timestamp=${timestamp}&nonce=${nonce}`;
    const startedAt = performance.now();
    const sent = request(
      { port, agent, host: "127.0.0.1", method: "POST", path: `${PATH}?${query}` },
      async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        const ms = performance.now() - startedAt;
        const isRight =
          response.statusCode === 200 && (kind === "echoed") === text.startsWith("<xml>");
        if (isRight) resolve(ms);
        else reject(new Error(`${kind}: ${response.statusCode} ${text.slice(0, 80)}`));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });

const measure = async (port, kind, parallel) => {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  const times = [];
  const startedAt = performance.now();
  let left = MESSAGES;
  const worker = async () => {
    while (left-- > 0) times.push(await post(port, agent, kind));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const perSecond = (MESSAGES / (performance.now() - startedAt)) * 1000;
  agent.destroy();
  return { median: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond };
};

const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
};
const spread = (values, digits = 2) =>
  [0, 0.5, 1].map((q) => quantile(values, q).toFixed(digits)).join(" / ");

if (process.argv[2] === "--bare") {
  console.log(`bare ${await startBare()}`);
} else {
  const rounds = Number(process.argv[2] ?? 7);
  const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
  const bare = await startChild([import.meta.filename, "--bare"], /bare (\d+)/);
  const gateway = await startGateway(folder);
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
    rmSync(folder, { recursive: true, force: true });
  }
}
