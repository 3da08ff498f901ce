import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** A frame that a client sent. */
export interface ClientFrame {
  readonly cmd: string;
  readonly reqId: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** When it came, by the clock of the machine. */
  readonly at: number;
}

/** What one chat shows: streams by their last frame, everything else as it came. */
export interface Shown {
  readonly how: "stream" | "welcome" | "update" | "push";
  readonly id?: string;
  readonly text: string;
  readonly isFinished: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Session {
  readonly socket: Duplex;
  botId: string | undefined;
  isDeaf: boolean;
}

/** The platform's end of bots' long connections, with faults on request. */
export interface WecomLinkServer {
  readonly url: string;
  /** Secrets by bot id. */
  readonly bots: Map<string, string>;
  /** All frames of all clients, in order. */
  readonly frames: ClientFrame[];
  readonly shown: Shown[];
  /** Bytes of uploaded files by media id. */
  readonly files: Map<string, Buffer>;
  /** How many connections were ever made. */
  connections(): number;
  isSubscribed(botId: string): boolean;
  /** Delivers a callback to whoever is subscribed; false when nobody is. Returns its req_id. */
  deliver(botId: string, cmd: string, body: object, reqId?: string): string | undefined;
  /** The next `times` frames of a command are refused so; 0 errcodes are acknowledgements. */
  refuse(cmd: string, errcode: number, times?: number): void;
  /** The next `times` frames of a command take effect and are never acknowledged. */
  swallow(cmd: string, times?: number): void;
  /** Acknowledgements of a command come so much later. */
  delay(cmd: string, ms: number): void;
  /** Whether a finished stream refuses further frames, or shows the last one. Default: shows it. */
  closesFinished: boolean;
  /** The connection stays, and nothing is read or said by it any more. */
  goDeaf(botId: string): void;
  /** Half a frame, then a reset. */
  resetMidFrame(botId: string): void;
  /** Bytes as they are, to whoever is subscribed. */
  raw(botId: string, bytes: Buffer): void;
  close(): Promise<void>;
}

const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export const startWecomLinkServer = async (
  secrets: Readonly<Record<string, string>>,
): Promise<WecomLinkServer> => {
  const bots = new Map(Object.entries(secrets));
  const frames: ClientFrame[] = [];
  const shown: Shown[] = [];
  const files = new Map<string, Buffer>();
  const uploads = new Map<string, { readonly chunks: Map<number, string>; total: number }>();
  const sessions = new Set<Session>();
  const refusals = new Map<string, { errcode: number; times: number }>();
  const swallowed = new Map<string, number>();
  const delays = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  let connections = 0;
  let delivered = 0;

  const http = createServer((_request, response) => response.writeHead(404).end());
  http.on("upgrade", (request, socket) => {
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}${ACCEPT}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    connections += 1;
    const session: Session = { socket, botId: undefined, isDeaf: false };
    sessions.add(session);
    socket.on("close", () => sessions.delete(session));
    // Half open is what an upgraded socket stays by itself.
    socket.on("end", () => socket.destroy());
    socket.on("error", () => socket.destroy());
    readFrames(socket, (opcode, payload) => {
      if (session.isDeaf) return;
      if (opcode === 8) socket.end(encode(payload, 8));
      else if (opcode === 1) take(session, payload.toString("utf8"));
    });
  });

  const sessionOf = (botId: string): Session | undefined =>
    [...sessions].find((session) => session.botId === botId);

  const say = (session: Session, frame: object): void => {
    if (!session.isDeaf && !session.socket.destroyed) {
      session.socket.write(encode(Buffer.from(JSON.stringify(frame)), 1));
    }
  };

  const take = (session: Session, text: string): void => {
    const parsed = JSON.parse(text) as {
      cmd: string;
      headers: { req_id: string };
      body?: Record<string, unknown>;
    };
    const { cmd, body = {} } = parsed;
    const reqId = parsed.headers.req_id;
    frames.push({ cmd, reqId, body, at: Date.now() });
    const answer = { headers: { req_id: reqId }, ...effectOf(session, cmd, reqId, body) };
    const left = swallowed.get(cmd) ?? 0;
    if (left > 0) {
      swallowed.set(cmd, left - 1);
      return;
    }
    const delayMs = delays.get(cmd);
    if (delayMs === undefined) {
      say(session, answer);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      say(session, answer);
    }, delayMs);
    timers.add(timer);
  };

  const effectOf = (
    session: Session,
    cmd: string,
    reqId: string,
    body: Record<string, unknown>,
  ): { errcode: number; errmsg: string; body?: object } => {
    const refusal = refusals.get(cmd);
    if (refusal && refusal.times > 0) {
      refusal.times -= 1;
      return { errcode: refusal.errcode, errmsg: "refused" };
    }
    if (cmd === "aibot_subscribe") return subscribe(session, body);
    if (session.botId === undefined) return { errcode: 846609, errmsg: "not subscribed" };
    switch (cmd) {
      case "aibot_respond_msg":
        return respond(body);
      case "aibot_respond_welcome_msg":
        return show("welcome", body);
      case "aibot_respond_update_msg":
        return show("update", body);
      case "aibot_send_msg":
        return show("push", body);
      case "aibot_upload_media_init":
        uploads.set(reqId, { chunks: new Map(), total: Number(body.total_chunks) });
        return { ...OK, body: { upload_id: reqId } };
      case "aibot_upload_media_chunk":
        uploads
          .get(String(body.upload_id))
          ?.chunks.set(Number(body.chunk_index), String(body.base64_data));
        return OK;
      case "aibot_upload_media_finish":
        return finishUpload(String(body.upload_id));
      default:
        return OK;
    }
  };

  const subscribe = (session: Session, body: Record<string, unknown>) => {
    const botId = String(body.bot_id);
    if (bots.get(botId) !== body.secret) return { errcode: 853000, errmsg: "bad secret" };
    const displaced = sessionOf(botId);
    if (displaced) {
      const event = {
        msgtype: "event",
        aibotid: botId,
        event: { eventtype: "disconnected_event" },
      };
      say(displaced, {
        cmd: "aibot_event_callback",
        headers: { req_id: "displaced" },
        body: event,
      });
      displaced.botId = undefined;
      displaced.socket.end();
    }
    session.botId = botId;
    return OK;
  };

  const respond = (body: Record<string, unknown>) => {
    const stream = body.stream as { id: string; content: string; finish: boolean } | undefined;
    if (!stream) return show("push", body);
    const { id, content: text, finish: isFinished } = stream;
    const place = shown.findIndex((bubble) => bubble.id === id);
    if (shown[place]?.isFinished && server.closesFinished) {
      return { errcode: 846608, errmsg: "stream message update expired" };
    }
    const bubble: Shown = { how: "stream", id, text, isFinished, body };
    if (place < 0) shown.push(bubble);
    else shown[place] = bubble;
    return OK;
  };

  const show = (how: Shown["how"], body: Record<string, unknown>) => {
    const said = (body.markdown ?? body.text) as { content?: string } | undefined;
    shown.push({ how, text: said?.content ?? "", isFinished: true, body });
    return OK;
  };

  const finishUpload = (uploadId: string) => {
    const upload = uploads.get(uploadId);
    if (!upload || upload.chunks.size !== upload.total) return { errcode: 40058, errmsg: "chunks" };
    const chunks = [...upload.chunks].sort(([one], [two]) => one - two);
    const mediaId = `media-${files.size + 1}`;
    files.set(mediaId, Buffer.concat(chunks.map(([, chunk]) => Buffer.from(chunk, "base64"))));
    return { ...OK, body: { media_id: mediaId } };
  };

  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: WecomLinkServer = {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    ...{ bots, frames, shown, files, closesFinished: false },
    connections: () => connections,
    isSubscribed: (botId) => sessionOf(botId) !== undefined,
    deliver: (botId, cmd, body, reqId = `callback-${++delivered}`) => {
      const session = sessionOf(botId);
      if (!session) return undefined;
      say(session, { cmd, headers: { req_id: reqId }, body });
      return reqId;
    },
    refuse: (cmd, errcode, times = 1) => void refusals.set(cmd, { errcode, times }),
    swallow: (cmd, times = 1) => void swallowed.set(cmd, times),
    delay: (cmd, ms) => void delays.set(cmd, ms),
    goDeaf: (botId) => {
      const session = sessionOf(botId);
      if (session) {
        session.isDeaf = true;
        session.botId = undefined;
      }
    },
    resetMidFrame: (botId) => {
      const session = sessionOf(botId);
      session?.socket.write(encode(Buffer.alloc(1000, "x"), 1).subarray(0, 300), () =>
        session.socket.destroy(),
      );
    },
    raw: (botId, bytes) => void sessionOf(botId)?.socket.write(bytes),
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        for (const { socket } of sessions) socket.destroy();
        http.close(() => resolve());
      }),
  };
  return server;
};

const OK = { errcode: 0, errmsg: "ok" };

/** One unmasked frame, as servers send them. https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
export const encode = (payload: Buffer, opcode: number): Buffer => {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127]), lengthOf(length)]);
  return Buffer.concat([head, payload]);
};

const lengthOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
};

/** Whole frames of a client, which are masked. */
const readFrames = (socket: Duplex, take: (opcode: number, payload: Buffer) => void): void => {
  let held = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      if (held.length < 2) return;
      const short = (held[1] ?? 0) & 127;
      const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
      if (held.length < 2 + extended + 4) return;
      const length =
        extended === 0
          ? short
          : extended === 2
            ? held.readUInt16BE(2)
            : Number(held.readBigUInt64BE(2));
      const start = 2 + extended + 4;
      if (held.length < start + length) return;
      const mask = held.subarray(2 + extended, start);
      const payload = Buffer.from(held.subarray(start, start + length));
      for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0);
      const opcode = (held[0] ?? 0) & 15;
      held = held.subarray(start + length);
      take(opcode, payload);
    }
  });
};
