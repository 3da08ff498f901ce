import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServerSocket, serveWebSockets } from "../../cli/web-socket-server.ts";

/** Discord's end of the gateway, with faults on request. */
export interface DiscordGatewayServer {
  readonly url: string;
  /** What clients logged in with, in order: the data of each identify. */
  readonly identifies: Readonly<Record<string, unknown>>[];
  /** The sequence numbers that sessions were resumed from. */
  readonly resumes: number[];
  /** How many connections were ever made. */
  connections(): number;
  /** Whether a session is there and connected. */
  isUp(): boolean;
  /** Sends it to every session; those that are not connected get it when they resume. */
  dispatch(name: string, data: unknown): void;
  /** A frame as it is, to whoever is connected. */
  raw(text: string): void;
  /** Op 7: asks for a new connection. */
  askToReconnect(): void;
  /** Ends all sessions; who is connected is told by op 9, who comes back later as well. */
  invalidate(): void;
  /** Acknowledges heartbeats, or not. Default: yes. */
  acknowledges: boolean;
  /** The connections stay, and nothing is read or said by them any more; further ones are sound. */
  goDeaf(): void;
  /** Cuts the connections. */
  drop(): void;
  /** Closes the connections with a code, and with `refuses` every later one after its identify. */
  close(code: number, refuses?: boolean): void;
  /** Refuses nobody any more. */
  admit(): void;
  /** New connections are cut at once. Default: no. */
  isAway: boolean;
  stop(): Promise<void>;
}

export interface DiscordGatewayOptions {
  readonly token: string;
  readonly bot: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly applicationId?: string;
  /** Sent as GUILD_CREATE after each READY. */
  readonly guilds?: readonly Readonly<Record<string, unknown>>[];
  readonly heartbeatMs?: number;
}

interface Session {
  readonly id: string;
  seq: number;
  readonly sent: { readonly s: number; readonly t: string; readonly d: unknown }[];
  socket: ServerSocket | undefined;
}

export const startDiscordGateway = async (
  options: DiscordGatewayOptions,
): Promise<DiscordGatewayServer> => {
  const { token, bot, guilds = [], heartbeatMs = 45_000 } = options;
  const sessions = new Map<string, Session>();
  const sockets = new Set<ServerSocket>();
  const deaf = new Set<ServerSocket>();
  const identifies: Readonly<Record<string, unknown>>[] = [];
  const resumes: number[] = [];
  let connections = 0;
  let refusal: number | undefined;
  let begun = 0;

  const http: Server = createServer((_request, response) => response.writeHead(404).end());
  const say = (socket: ServerSocket | undefined, frame: object): void => {
    if (socket && !deaf.has(socket)) socket.send(JSON.stringify(frame));
  };
  const tell = (session: Session, t: string, d: unknown): void => {
    session.seq += 1;
    const event = { s: session.seq, t, d };
    session.sent.push(event);
    say(session.socket, { op: 0, ...event });
  };

  const identify = (socket: ServerSocket, data: Readonly<Record<string, unknown>>): void => {
    identifies.push(data);
    if (refusal !== undefined) {
      socket.close(refusal);
      return;
    }
    if (data.token !== token) {
      socket.close(4004);
      return;
    }
    const session: Session = { id: `session-${++begun}`, seq: 0, sent: [], socket };
    sessions.set(session.id, session);
    tell(session, "READY", {
      v: 10,
      user: bot,
      guilds: guilds.map(({ id }) => ({ id, unavailable: true })),
      session_id: session.id,
      resume_gateway_url: server.url,
      application: { id: options.applicationId ?? bot.id, flags: 0 },
      shard: data.shard,
    });
    for (const guild of guilds) tell(session, "GUILD_CREATE", guild);
  };

  const resume = (socket: ServerSocket, data: { session_id?: unknown; seq?: unknown }): void => {
    const session = sessions.get(String(data.session_id));
    if (!session) {
      say(socket, { op: 9, d: false });
      return;
    }
    const seq = Number(data.seq);
    resumes.push(seq);
    session.socket = socket;
    for (const event of session.sent.filter(({ s }) => s > seq)) say(socket, { op: 0, ...event });
    tell(session, "RESUMED", {});
  };

  serveWebSockets(http, (socket) => {
    connections += 1;
    sockets.add(socket);
    if (server.isAway) setImmediate(() => socket.destroy());
    else say(socket, { op: 10, d: { heartbeat_interval: heartbeatMs } });
    return {
      received: (text) => {
        if (deaf.has(socket)) return;
        const { op, d } = JSON.parse(text) as { op: number; d: never };
        if (op === 1 && server.acknowledges) say(socket, { op: 11 });
        else if (op === 2) identify(socket, d);
        else if (op === 6) resume(socket, d);
      },
      closed: () => {
        sockets.delete(socket);
        for (const session of sessions.values()) {
          if (session.socket === socket) session.socket = undefined;
        }
      },
    };
  });

  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: DiscordGatewayServer = {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/gateway`,
    ...{ identifies, resumes, acknowledges: true, isAway: false },
    connections: () => connections,
    isUp: () =>
      [...sessions.values()].some(({ socket }) => socket !== undefined && !deaf.has(socket)),
    dispatch: (name, data) => {
      for (const session of sessions.values()) tell(session, name, data);
    },
    raw: (text) => {
      for (const socket of sockets) socket.send(text);
    },
    askToReconnect: () => {
      for (const socket of sockets) say(socket, { op: 7, d: null });
    },
    invalidate: () => {
      sessions.clear();
      for (const socket of sockets) say(socket, { op: 9, d: false });
    },
    goDeaf: () => {
      for (const socket of sockets) deaf.add(socket);
      for (const session of sessions.values()) session.socket = undefined;
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: (code, refuses = false) => {
      if (refuses) refusal = code;
      for (const socket of sockets) socket.close(code);
    },
    admit: () => {
      refusal = undefined;
    },
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        http.close(() => resolve());
      }),
  };
  return server;
};
