// What `bench/slack.mjs` sends and who answers: signed events of Slack, a stand-in of its Web API, and
// the load. All of it is as light as can be, because it shares the machine with what is measured.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";

export const SECRET = "bench-signing-secret";
export const TEAM = "T0BENCH";
export const PATH = "/api/slack/events";
/**
 * Rooms that the events come from; a person writes in each. Slack takes about one answer a second in
 * a room, so fewer rooms than events a second would measure what no workspace can do.
 */
const ROOMS = 2_000;

/**
 * Answers every call at once. `onPost` is told the event that each posted text names, and the first
 * time that it is posted; `calls` counts all calls by their method.
 */
export const startStandIn = async () => {
  const posted = new Set();
  const standIn = {
    onPost: () => {},
    duplicates: 0,
    calls: new Map(),
    baseUrl: "",
    stop: () => {},
  };
  const server = createServer((incoming, response) => {
    let form = "";
    incoming.setEncoding("latin1");
    incoming.on("data", (chunk) => {
      form += chunk;
    });
    incoming.on("end", () => {
      const method = incoming.url.slice(incoming.url.lastIndexOf("/") + 1);
      standIn.calls.set(method, (standIn.calls.get(method) ?? 0) + 1);
      const json = JSON.stringify(answerTo(method, form));
      const length = Buffer.byteLength(json);
      response.writeHead(200, { "content-type": "application/json", "content-length": length });
      response.end(json);
    });
  });
  const answerTo = (method, form) => {
    if (method === "auth.test") {
      return { ok: true, team_id: TEAM, user_id: "U0BENCH", bot_id: "B0BENCH", team: "bench" };
    }
    if (method === "users.info") {
      const id = new URLSearchParams(form).get("user");
      return { ok: true, user: { id, team_id: TEAM, name: "someone" } };
    }
    if (method !== "chat.postMessage") return { ok: true };
    const event = /event-\d+-\d+/.exec(form)?.[0];
    if (posted.has(event)) standIn.duplicates += 1;
    else if (event !== undefined) {
      posted.add(event);
      standIn.onPost(event);
    }
    const ts = `1700000001.${String(posted.size).padStart(6, "0")}`;
    return { ok: true, channel: /(?:^|&)channel=([^&]*)/.exec(form)?.[1], ts };
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  standIn.baseUrl = `http://127.0.0.1:${server.address().port}/api/`;
  standIn.stop = () => server.close();
  return standIn;
};

/** A person's message in a direct chat as a whole HTTP request, signed. */
const eventOf = (round, index) => {
  const room = String(index % ROOMS).padStart(4, "0");
  const seconds = Math.floor(Date.now() / 1000);
  const ts = `${seconds}.${String(round * 100_000 + index).padStart(6, "0")}`;
  const id = `event-${round}-${index}`;
  const body = JSON.stringify({
    type: "event_callback",
    team_id: TEAM,
    api_app_id: "A0BENCH",
    event_id: `Ev${round}x${index}`,
    event_time: seconds,
    authorizations: [{ team_id: TEAM, user_id: "U0BENCH", is_bot: true }],
    event: {
      type: "message",
      channel_type: "im",
      channel: `D0ROOM${room}`,
      user: `U0ASK${room}`,
      team: TEAM,
      user_team: TEAM,
      ts,
      text: id,
    },
  });
  const signature = createHmac("sha256", SECRET).update(`v0:${seconds}:${body}`).digest("hex");
  const head = [
    `POST ${PATH} HTTP/1.1`,
    "host: 127.0.0.1",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-slack-request-timestamp: ${seconds}`,
    `x-slack-signature: v0=${signature}`,
  ];
  return { id, request: Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`) };
};

export const eventsOf = (round, count) =>
  Array.from({ length: count }, (_, index) => eventOf(round, index));

/**
 * Sends the events over so many kept connections, each waiting for its response before the next, and
 * waits until each is answered; milliseconds until each was acknowledged, and answered.
 */
export const load = async (port, events, parallel, standIn) => {
  const sentAt = new Map();
  const acks = [];
  const answers = [];
  const all = new Promise((resolve) => {
    standIn.onPost = (event) => {
      answers.push(performance.now() - sentAt.get(event));
      if (answers.length === events.length) resolve();
    };
  });
  let next = 0;
  const work = async () => {
    const socket = connect(port, "127.0.0.1").setNoDelay();
    try {
      while (next < events.length) {
        const { id, request } = events[next++];
        const sent = performance.now();
        sentAt.set(id, sent);
        const status = await exchange(socket, request);
        if (status !== 200) throw new Error(`${id} was answered with ${status}`);
        acks.push(performance.now() - sent);
      }
    } finally {
      socket.destroy();
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: parallel }, work));
  const acknowledgedMs = performance.now() - started;
  await all;
  return { acks, answers, acknowledgedMs, ms: performance.now() - started };
};

/** One request and its response: of a length that it says, or in chunks. */
const exchange = (socket, request) =>
  new Promise((resolve, reject) => {
    let text = "";
    const broken = () => reject(new Error(`connection broke after: ${text.slice(0, 80)}`));
    const onData = (chunk) => {
      text += chunk.toString("latin1");
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      const isWhole =
        length === undefined
          ? text.endsWith("\r\n0\r\n\r\n")
          : text.length - headEnd - 4 >= Number(length);
      if (!isWhole) return;
      socket.off("data", onData).off("error", broken).off("close", broken);
      resolve(Number(text.slice(9, 12)));
    };
    socket.on("data", onData).on("error", broken).on("close", broken);
    socket.write(request);
  });
