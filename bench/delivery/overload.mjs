// The built gateway under twice the load that it can take, from senders that do not wait: each new
// message is sent when its time has come, whatever became of those before.
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { callbacks, load, startChild, startGateway } from "../wecom-load.mjs";
import { createFigures, quantile, row } from "./measure.mjs";

const SECONDS = 20;
const TICK_MS = 5;
// What WeCom waits for. https://developer.work.weixin.qq.com/document/path/90930
const HANGS_UP_MS = 5_000;
const PARALLEL = 64;
// What a proxy in front of the gateway may keep open to it.
const CONNECTIONS = 1_000;
// And what it can open at all.
const MOST_CONNECTIONS = 4_000;

/** Time on a CPU so far, user and system, of all threads, in microseconds. */
const cpuUsOf = (pid) => {
  const tasks = `/proc/${pid}/task`;
  const ns = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]),
  );
  return ns.reduce((sum, own) => sum + own, 0) / 1e3;
};

const residentMib = (pid) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

const isAnswer = (body) => body.startsWith("<xml><Encrypt><![CDATA[");

/**
 * Sends each request on a connection that is free; opens one where none is, and for each request
 * where connections are not kept.
 */
const createSender = (port, isKept, onEnd) => {
  const idle = [];
  let connections = 0;
  const open = () => {
    connections++;
    const socket = connect(port, "127.0.0.1").setNoDelay();
    let text = "";
    socket.over = (status) => {
      clearTimeout(socket.deadline);
      const { sentAt } = socket;
      socket.sentAt = undefined;
      if (sentAt !== undefined) onEnd({ status, ms: performance.now() - sentAt });
    };
    socket.on("data", (chunk) => {
      text += chunk.latin1Slice();
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < headEnd + 4 + length) return;
      socket.over(Number(text.slice(9, 12)));
      if (isKept && !/\r\nconnection: close/i.test(text.slice(0, headEnd))) idle.push(socket);
      else socket.destroy();
      text = "";
    });
    return socket
      .on("error", () => {})
      .on("close", () => {
        connections--;
        socket.isGone = true;
        socket.over(0);
      });
  };
  return {
    /** Opens connections, one after the other, that wait for requests. */
    prepare: async (connections) => {
      while (idle.length < connections) {
        const socket = open();
        await once(socket, "connect");
        idle.push(socket);
      }
    },
    send: (request) => {
      let socket = idle.pop();
      while (socket?.isGone) socket = idle.pop();
      if (!socket && connections >= MOST_CONNECTIONS) return onEnd({ status: 0, ms: 0 });
      socket ??= open();
      socket.sentAt = performance.now();
      socket.deadline = setTimeout(() => socket.destroy(), HANGS_UP_MS);
      socket.write(request);
    },
    close: () => {
      for (const socket of idle) socket.destroy();
    },
  };
};

/** Sends so many a second, and resolves when the last one has its response or none came in time. */
const flood = async (port, requests, { perSecond, isKept, onSecond }) => {
  const ends = [];
  let sent = 0;
  const sender = createSender(port, isKept, (end) => ends.push(end));
  if (isKept) await sender.prepare(CONNECTIONS);
  const startedAt = performance.now();
  const seconds = setInterval(onSecond, 1_000);
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
      while (sent < Math.min(due, requests.length)) sender.send(requests[sent++]);
      if (ends.length < requests.length) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  clearInterval(seconds);
  sender.close();
  return ends;
};

const measureRound = async (gateway, isKept, scale, figures) => {
  const add = (name, value) => figures.add(name, { value });
  const { perSecond: capacity } = await load(
    gateway.port,
    callbacks("echoed", Math.ceil(8_000 * scale)),
    PARALLEL,
    isAnswer,
    isKept,
  );
  const offered = 2 * capacity;
  const seconds = SECONDS * scale;
  const requests = callbacks("echoed", Math.ceil(offered * seconds));
  const memory = [];
  const onSecond = () => memory.push(residentMib(gateway.pid));
  const cpuBefore = cpuUsOf(gateway.pid);
  const ends = await flood(gateway.port, requests, { perSecond: offered, isKept, onSecond });
  const cpuUs = cpuUsOf(gateway.pid) - cpuBefore;
  const timesOf = (status) => ends.filter((end) => end.status === status).map(({ ms }) => ms);
  const [taken, refused] = [timesOf(200), timesOf(503)];
  const half = Math.floor(memory.length / 2);
  add("capacity, per s", capacity);
  add("offered, per s", offered);
  add("acknowledged, per s", taken.length / seconds);
  add("told to try again, per s", refused.length / seconds);
  add("not answered in 5 s, per s", (ends.length - taken.length - refused.length) / seconds);
  add("acknowledged after, p50 ms", quantile(taken, 0.5) ?? 0);
  add("acknowledged after, p99 ms", quantile(taken, 0.99) ?? 0);
  add("told after, p99 ms", quantile(refused, 0.99) ?? 0);
  add("CPU us each acknowledged", cpuUs / taken.length);
  add("memory, first half, MiB", Math.max(...memory.slice(0, half)));
  add("memory, second half, MiB", Math.max(...memory.slice(half)));
};

export const overload = async ({ rounds, scale }) => {
  const cloud = await startChild([import.meta.filename, "--cloud"], /cloud (\d+)/);
  const gateway = await startGateway([], `http://127.0.0.1:${cloud.port}`);
  const stop = () => {
    gateway.stop();
    cloud.stop();
  };
  process.once("exit", stop); // also after a fault in a timer
  const figures = { kept: createFigures(), each: createFigures() };
  try {
    await load(gateway.port, callbacks("echoed", 4_000), PARALLEL, isAnswer); // warm-up
    for (let round = 0; round < rounds; round++) {
      await measureRound(gateway, true, scale, figures.kept);
      await measureRound(gateway, false, scale, figures.each);
    }
  } finally {
    stop();
  }
  const length = `${rounds} rounds of ${SECONDS * scale} s at twice the capacity`;
  console.log(`\noverload: ${length}; median (least, most)`);
  row("", ["kept connections", "", "one for each", ""]);
  for (const name of figures.kept.names()) {
    row(
      name,
      Object.values(figures).flatMap((of) => {
        const { value } = of.of(name);
        const [least, most] = [Math.min(...value), Math.max(...value)];
        return [quantile(value, 0.5).toFixed(1), `(${least.toFixed(1)}, ${most.toFixed(1)})`];
      }),
    );
  }
};

/** WeCom's API, as far as the gateway sends by it: takes everything. */
const startCloud = async () => {
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      response.setHeader("content-type", "application/json");
      const token = { access_token: "benchAccessToken", expires_in: 7200 };
      response.end(JSON.stringify({ errcode: 0, errmsg: "ok", ...token }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log(`cloud ${server.address().port}`);
};

if (process.argv[2] === "--cloud") await startCloud();
