// What the benchmarks of the WeCom callback share: the platform's side of the envelope, the built
// gateway and other servers as child processes, and the load.
import { spawn } from "node:child_process";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CORP = "wwbench0000000001";
export const AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
export const KEY = Buffer.from(`${AES_KEY}=`, "base64");
const AGENT = "1000002";
export const TOKEN = "benchToken";
const PATH = "/api/wechat/callback";

export const sign = (...values) =>
  createHash("sha1")
    .update([TOKEN, ...values].sort().join(""))
    .digest("hex");

export const encrypt = (text) => {
  const message = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([randomBytes(16), length, message, Buffer.from(CORP)]);
  const padding = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", KEY, KEY.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(padding, padding)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString("base64");
};

let lastId = 7_000_000_000_000_000_000n;
const INNER = {
  acknowledged: (id) =>
    `<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[view]]></Event><EventKey><![CDATA[https://example.com/${id}]]></EventKey>`,
  echoed: (id) =>
    `<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[what is 12% of 340?]]></Content><MsgId>${id}</MsgId>`,
};

/** So many whole HTTP requests, each a new callback of a person of its own. */
export const callbacks = (kind, count) => Array.from({ length: count }, () => callback(kind));

const callback = (kind) => {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(6).toString("hex");
  const id = ++lastId;
  const encrypted = encrypt(
    `<xml><ToUserName><![CDATA[${CORP}]]></ToUserName><FromUserName><![CDATA[u${id}]]></FromUserName>` +
      `<CreateTime>${timestamp}</CreateTime>${INNER[kind](id)}<AgentID>${AGENT}</AgentID></xml>`,
  );
  const body = `<xml><ToUserName><![CDATA[${CORP}]]></ToUserName><AgentID><![CDATA[${AGENT}]]></AgentID><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
  const query = `msg_signature=${sign(timestamp, nonce, encrypted)}&timestamp=${timestamp}&nonce=${nonce}`;
  return Buffer.from(
    `POST ${PATH}?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

/**
 * Sends the requests over `parallel` connections, each waiting for its response before the next;
 * kept, or a new one for every request. Throws when a response is not 200 or its body is not what `isRight` wants: what was shed
 * must not look fast.
 */
export const load = async (port, requests, parallel, isRight, isKept = true) => {
  const times = [];
  let next = 0;
  const startedAt = performance.now();
  const work = async () => {
    let socket = connect(port, "127.0.0.1").setNoDelay();
    try {
      while (next < requests.length) {
        if (socket.destroyed) socket = connect(port, "127.0.0.1").setNoDelay();
        const sentAt = performance.now();
        const { status, body } = await exchange(socket, requests[next++]);
        if (status !== 200 || !isRight(body)) throw new Error(`${status} ${body.slice(0, 80)}`);
        times.push(performance.now() - sentAt);
        if (!isKept) socket.destroy();
      }
    } finally {
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return { times, perSecond: (requests.length / (performance.now() - startedAt)) * 1000 };
};

/** One request and its response, whose length the server must have said. */
const exchange = (socket, request) =>
  new Promise((resolve, reject) => {
    let text = "";
    const broken = () => reject(new Error(`connection broke after: ${text.slice(0, 80)}`));
    const onData = (chunk) => {
      text += chunk.toString("latin1");
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
      const body = text.slice(headEnd + 4);
      if (body.length < length) return;
      socket.off("data", onData).off("error", broken).off("close", broken);
      resolve({ status: Number(text.slice(9, 12)), body });
    };
    socket.on("data", onData).on("error", broken).on("close", broken);
    socket.write(request);
  });

/** A server as a child process, once its output has `ready` in it, whose first group is the port. */
export const startChild = async (args, ready, stderr = "ignore") => {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", stderr] });
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    const port = ready.exec(output)?.[1];
    if (!port) continue;
    child.stdout.resume();
    return { pid: child.pid, port: Number(port), stop: () => child.kill("SIGKILL") };
  }
  throw new Error(`did not start: ${output}`);
};

/**
 * The built gateway with one app, whose people are answered by the echo model, once the sandbox's
 * self-test is over too; its log goes to a file, as in service. `options` are node's. At the default
 * address of WeCom's API is nobody: what does not travel in a response waits.
 */
export const startGateway = async (options = [], apiBaseUrl = "http://127.0.0.1:9") => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
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
        api_base_url: apiBaseUrl,
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
  const log = openSync(join(folder, "log"), "w");
  const args = [...options, main, "start", "--settings", file];
  const child = await startChild(args, /listens on http:\S+?:(\d+).*\n {2}sandbox/s, log);
  closeSync(log);
  return {
    ...child,
    stop: () => {
      child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Time on a CPU so far, user and system, of all threads of a process, in microseconds. Linux only. */
export const cpuUsOf = (pid) => {
  const tasks = `/proc/${pid}/task`;
  const ns = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]),
  );
  return ns.reduce((sum, own) => sum + own, 0) / 1000;
};

export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
};

export const SPREAD = "min / quartile / median / quartile / max";

/** Of these values what SPREAD names. */
export const spread = (values, digits = 2) =>
  [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q).toFixed(digits)).join(" / ");
