import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** One connection of the app, as the platform sees it. */
export interface SlackSession {
  /** Counts from 1, in order of arrival. */
  readonly number: number;
  isOpen(): boolean;
  /** Sends an envelope; its id. */
  deliver(type: string, payload: object, envelopeId?: string): string;
  /** Any text, as one frame. */
  say(text: string): void;
  /** Slack is about to end it, for this reason. */
  warn(reason: string): void;
  /** A ping of the platform's own. */
  ping(): void;
  /** Nothing is read or said any more; the TCP connection stays. */
  goDeaf(): void;
  /** The connection breaks. */
  drop(): void;
}

/** The platform's end of Socket Mode, with faults on request. */
export interface SlackSocketServer {
  /** For `apps.connections.open` to hand out: good once. */
  ticket(): string;
  readonly sessions: readonly SlackSession[];
  /** Ids of acknowledged envelopes, in order, with what came along. */
  readonly acknowledged: { readonly id: string; readonly payload: unknown }[];
  /** Open connections that hear. */
  live(): readonly SlackSession[];
  /** Connections whose hello is held back until this resolves. */
  helloAfter: Promise<void>;
  close(): Promise<void>;
}

const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [TEXT, CLOSE, PING, PONG] = [1, 8, 9, 10];

export const startSlackSocketServer = async (): Promise<SlackSocketServer> => {
  const sessions: SlackSession[] = [];
  const sockets = new Set<Duplex>();
  const deaf = new Set<Duplex>();
  const tickets = new Set<string>();
  const acknowledged: { id: string; payload: unknown }[] = [];
  let issued = 0;
  let delivered = 0;
  const server = {
    helloAfter: Promise.resolve(),
  };

  const http = createServer((_request, response) => response.writeHead(404).end());
  http.on("upgrade", (request, socket) => {
    socket.on("error", () => socket.destroy());
    const ticket = new URL(request.url ?? "/", "http://localhost").searchParams.get("ticket");
    if (ticket === null || !tickets.delete(ticket)) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}${ACCEPT}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("end", () => socket.destroy());
    const write = (opcode: number, payload: Buffer): void => {
      if (!deaf.has(socket) && !socket.destroyed) socket.write(frame(opcode, payload));
    };
    const session: SlackSession = {
      number: sessions.length + 1,
      isOpen: () => !socket.destroyed,
      deliver: (type, payload, envelopeId) => {
        delivered += 1;
        const id = envelopeId ?? `envelope-${delivered}`;
        const envelope = { envelope_id: id, type, payload, accepts_response_payload: false };
        write(TEXT, Buffer.from(JSON.stringify(envelope)));
        return id;
      },
      say: (text) => write(TEXT, Buffer.from(text)),
      warn: (reason) => write(TEXT, Buffer.from(JSON.stringify({ type: "disconnect", reason }))),
      ping: () => write(PING, Buffer.from("Ping from applink")),
      goDeaf: () => void deaf.add(socket),
      drop: () => socket.destroy(),
    };
    sessions.push(session);
    readFrames(socket, (opcode, payload) => {
      if (deaf.has(socket)) return;
      if (opcode === PING) write(PONG, payload);
      if (opcode === CLOSE) socket.end(frame(CLOSE, payload));
      if (opcode !== TEXT) return;
      const answer = JSON.parse(payload.toString("utf8")) as {
        envelope_id: string;
        payload?: unknown;
      };
      acknowledged.push({ id: answer.envelope_id, payload: answer.payload });
    });
    void server.helloAfter.then(() =>
      session.say(JSON.stringify({ type: "hello", num_connections: 1 })),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;

  return Object.assign(server, {
    sessions,
    acknowledged,
    ticket: () => {
      issued += 1;
      const ticket = `ticket-${issued}`;
      tickets.add(ticket);
      return `ws://127.0.0.1:${port}/link/?ticket=${ticket}`;
    },
    live: () => sessions.filter((session) => session.isOpen()),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => http.close(resolve));
    },
  });
};

const frame = (opcode: number, payload: Buffer): Buffer => {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, payload.length])
      : payload.length < 65_536
        ? Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 255])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127]), longLength(payload.length)]);
  return Buffer.concat([head, payload]);
};

const longLength = (length: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
};

/** Clients mask what they send, and send it in one piece. */
const readFrames = (socket: Duplex, take: (opcode: number, payload: Buffer) => void): void => {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const short = (pending[1] ?? 0) & 127;
      const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
      const head = 2 + lengthBytes + 4;
      if (pending.length < head) return;
      const length =
        short === 126
          ? pending.readUInt16BE(2)
          : short === 127
            ? Number(pending.readBigUInt64BE(2))
            : short;
      if (pending.length < head + length) return;
      const mask = pending.subarray(head - 4, head);
      const payload = Buffer.from(pending.subarray(head, head + length));
      for (let at = 0; at < payload.length; at++)
        payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0);
      const opcode = (pending[0] ?? 0) & 15;
      pending = pending.subarray(head + length);
      take(opcode, payload);
    }
  });
};
