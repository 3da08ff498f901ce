import { createHash } from "node:crypto";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";

/** The server's end of one WebSocket that carries text. */
export interface ServerSocket {
  /** The path and query that it was opened with. */
  readonly url: string;
  send(text: string): void;
  /** Closes it in order. */
  close(code: number): void;
  /** Cuts the connection. */
  destroy(): void;
}

export interface SocketHandlers {
  readonly received: (text: string) => void;
  /** Once, however it ended. */
  readonly closed: () => void;
}

// https://www.rfc-editor.org/rfc/rfc6455#section-1.3
const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const LONGEST_FRAME = 2 ** 20;

/** Takes the WebSockets that are opened on a server, each handled as `opened` says. */
export const serveWebSockets = (
  server: Server,
  opened: (socket: ServerSocket) => SocketHandlers,
): void => {
  server.on("upgrade", (request, stream) => {
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}${ACCEPT}`).digest("base64");
    stream.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const write = (payload: Buffer, opcode: number): void => {
      if (!stream.destroyed && stream.writable) stream.write(encode(payload, opcode));
    };
    const handlers = opened({
      url: request.url ?? "/",
      send: (text) => write(Buffer.from(text), TEXT),
      close: (code) => {
        write(Buffer.from([code >> 8, code & 255]), CLOSE);
        stream.end();
      },
      destroy: () => void stream.destroy(),
    });
    stream.on("close", handlers.closed);
    // An upgraded connection stays half open by itself.
    stream.on("end", () => stream.destroy());
    stream.on("error", () => stream.destroy());
    readFrames(stream, (opcode, payload) => {
      if (opcode === TEXT) handlers.received(payload.toString("utf8"));
      else if (opcode === PING) write(payload, PONG);
      else if (opcode === CLOSE) {
        write(payload, CLOSE);
        stream.end();
      }
    });
  });
};

/** One unmasked frame, as servers send them. https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
const encode = (payload: Buffer, opcode: number): Buffer => {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
};

/** Whole frames of a client, which are masked. */
const readFrames = (stream: Duplex, take: (opcode: number, payload: Buffer) => void): void => {
  let held = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const short = (held[1] ?? 0) & 127;
      const start = 6 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (held.length < start) return;
      const length =
        short === 126
          ? held.readUInt16BE(2)
          : short === 127
            ? Number(held.readBigUInt64BE(2))
            : short;
      if (length > LONGEST_FRAME) {
        stream.destroy();
        return;
      }
      if (held.length < start + length) return;
      const mask = held.subarray(start - 4, start);
      const payload = Buffer.from(held.subarray(start, start + length));
      for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0);
      const opcode = (held[0] ?? 0) & 15;
      held = held.subarray(start + length);
      take(opcode, payload);
    }
  });
};
