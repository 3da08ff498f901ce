import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerSocket, serveWebSockets } from "./web-socket-server.ts";

/** What the stand-in says of the bot and of the one person who is there. */
export interface DiscordScene {
  readonly botId: string;
  readonly applicationId: string;
  /** Undefined: nobody may log in at its gateway. */
  readonly token: string | undefined;
  readonly guildId: string;
  readonly userId: string;
  readonly roles: readonly string[];
}

/** Takes the place of Discord's API and gateway while it is open. */
export interface DiscordStandIn {
  /** Resolves with true once the gateway has logged in, with false when the deadline passed. */
  loggedIn(deadline: AbortSignal): Promise<boolean>;
  dispatch(name: string, data: object): void;
  /** What was said until it was quiet for so long; undefined when nothing came before the deadline. */
  collect(deadline: AbortSignal, quietMs: number): Promise<readonly string[] | undefined>;
  close(): Promise<void>;
}

interface Shown {
  readonly id: string;
  text: string;
}

const LOOK_EVERY_MS = 50;
const HEARTBEAT_MS = 41_250;

/** Undefined where something else listens there. */
export const startDiscordStandIn = async (
  base: URL,
  scene: DiscordScene,
): Promise<DiscordStandIn | undefined> => {
  const shown: Shown[] = [];
  const players = new Set<ServerSocket>();
  let changedAt = 0;
  let sequence = 0;
  let lastId = 1_000_000_000_000_000_000n;

  const note = (id: string, text: string): void => {
    const known = shown.find((message) => message.id === id);
    if (known) known.text = text;
    else shown.push({ id, text });
    changedAt = performance.now();
  };

  const answer = async (request: IncomingMessage): Promise<{ status: number; body?: unknown }> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = textOf(request, Buffer.concat(chunks));
    const path = new URL(request.url ?? "/", base).pathname.replace(/^.*?\/v10\//, "");
    const call = `${request.method} ${path}`;
    if (call === "GET gateway/bot") return { status: 200, body: gatewayAt(base) };
    if (/^GET applications\/\d+\/commands$/.test(call)) return { status: 200, body: [] };
    if (/^PUT applications\/\d+\/commands$/.test(call)) return { status: 200, body: [] };
    if (call === `GET guilds/${scene.guildId}/members/${scene.userId}`) {
      return { status: 200, body: { user: { id: scene.userId }, roles: scene.roles } };
    }
    if (/^GET channels\/\d+\/messages$/.test(call)) return { status: 200, body: [] };
    const thread = /^POST channels\/\d+\/messages\/(\d+)\/threads$/.exec(call)?.[1];
    if (thread !== undefined) return { status: 201, body: { id: thread, type: 11 } };
    if (/^POST channels\/\d+\/typing$/.test(call)) return { status: 204 };
    const isNew = /^POST (channels\/\d+\/messages|webhooks\/\d+\/[^/]+)$/.test(call);
    const edited = /^PATCH (?:channels|webhooks)\/.*\/messages\/([^/]+)$/.exec(call)?.[1];
    if (isNew || edited !== undefined) {
      lastId += 1n;
      const id = edited ?? String(lastId);
      note(id, text);
      return { status: 200, body: { id, content: text, author: { id: scene.botId } } };
    }
    return { status: 404, body: { code: 0, message: "not played here" } };
  };

  const server: Server = createServer((request, response: ServerResponse) => {
    answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      },
      () => response.destroy(),
    );
  });

  const dispatch = (socket: ServerSocket, t: string, d: object): void => {
    sequence += 1;
    socket.send(JSON.stringify({ op: 0, s: sequence, t, d }));
  };

  serveWebSockets(server, (socket) => {
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: HEARTBEAT_MS } }));
    return {
      received: (frame) => {
        const { op, d } = JSON.parse(frame) as { op: number; d?: { token?: unknown } };
        if (op === 1) socket.send(JSON.stringify({ op: 11 }));
        if (op === 6) socket.send(JSON.stringify({ op: 9, d: false }));
        if (op !== 2) return;
        if (scene.token === undefined || d?.token !== scene.token) {
          socket.close(4004);
          return;
        }
        dispatch(socket, "READY", {
          v: 10,
          session_id: "simulated",
          resume_gateway_url: gatewayAt(base).url,
          user: { id: scene.botId, username: "clawgate", bot: true },
          application: { id: scene.applicationId, flags: 0 },
          guilds: [],
        });
        players.add(socket);
      },
      closed: () => void players.delete(socket),
    };
  });

  server.listen(Number(base.port) || 80, base.hostname.replace(/^\[|\]$/g, ""));
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  return {
    loggedIn: async (deadline) => {
      while (players.size === 0 && !deadline.aborted) await delay(LOOK_EVERY_MS);
      return players.size > 0;
    },
    dispatch: (name, data) => {
      for (const player of players) dispatch(player, name, data);
    },
    collect: async (deadline, quietMs) => {
      const isOver = (): boolean =>
        shown.some(({ text }) => text !== "") && performance.now() - changedAt > quietMs;
      while (!isOver()) {
        if (deadline.aborted && shown.length === 0) return undefined;
        await delay(LOOK_EVERY_MS);
      }
      return shown.map(({ text }) => text);
    },
    close: async () => {
      for (const player of players) player.close(1000);
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
};

const gatewayAt = (base: URL) => ({
  url: `ws://${base.host}/gateway`,
  shards: 1,
  session_start_limit: { total: 1000, remaining: 1000, reset_after: 0, max_concurrency: 1 },
});

/** What a person would read of a message: its text, its card in words, its files. */
const textOf = ({ headers }: IncomingMessage, body: Buffer): string => {
  const boundary = /boundary="?([^";]+)/.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) return saidIn(body.toString("utf8"));
  return body
    .toString("latin1")
    .split(`--${boundary}`)
    .flatMap((part) => {
      const [head = "", ...rest] = part.split("\r\n\r\n");
      const held = Buffer.from(rest.join("\r\n\r\n").replace(/\r\n$/, ""), "latin1");
      if (head.includes('name="payload_json"')) return [saidIn(held.toString("utf8"))];
      const file = /filename="([^"]*)"/.exec(head)?.[1];
      return file === undefined ? [] : [`[${file}]\n${held.toString("utf8")}`];
    })
    .filter((text) => text !== "")
    .join("\n");
};

const saidIn = (json: string): string => {
  if (json === "") return "";
  const { content = "", embeds = [] } = JSON.parse(json) as {
    content?: string;
    embeds?: readonly { title?: string; description?: string }[];
  };
  const cards = embeds.map(({ title = "", description = "" }) => `${title}\n${description}`.trim());
  return [content, ...cards].filter((text) => text !== "").join("\n");
};
