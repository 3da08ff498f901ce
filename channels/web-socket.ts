import { channel } from "node:diagnostics_channel";
import type { Socket as TcpSocket } from "node:net";
import { rootCertificates } from "node:tls";
import { openTunnel } from "./proxy-tunnel.ts";

/** A WebSocket that carries text. */
export interface Socket {
  send(text: string): void;
  /** Asks the other side for a sign of life; `ponged` tells of it. */
  ping(): void;
  /** Nothing is received or sent any more, whatever the other side does. */
  close(): void;
}

interface SocketEvents {
  readonly opened: () => void;
  readonly received: (text: string) => void;
  /** The other side asks for a sign of life; it is given by itself. */
  readonly pinged?: () => void;
  /** The other side answers a `ping` of ours. */
  readonly ponged?: () => void;
  /** Once, however it ended; after it nothing is received. `reason` is fit for a log. */
  readonly closed: (reason: string) => void;
}

/** Far above what any callback or acknowledgement holds. */
const MAX_FRAME_BYTES = 2 ** 20;
const CONNECT_MS = 10_000;

/** How a server is reached where it is not simply there. */
export interface SocketReach {
  /** PEM of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
  /** The HTTP proxy that the connection goes through; user and password may be part of it. */
  readonly proxyUrl?: string | undefined;
}

/** Connects to a WebSocket server. Frames above 1 MiB and binary ones end the connection. */
export const openSocket = async (
  url: string,
  { ca, proxyUrl }: SocketReach,
  events: SocketEvents,
): Promise<Socket> => {
  const { Agent, buildConnector, ping, WebSocket } = await import("undici");
  let tcp: TcpSocket | undefined;
  let isOver = false;
  // A WebSocket does not tell why it could not be opened.
  let failure: string | undefined;
  const trusted = ca === undefined ? undefined : [...rootCertificates, ca];
  const connect = buildConnector({ timeout: CONNECT_MS, ...(trusted && { ca: trusted }) });
  type Connect = typeof connect;
  // The library's own proxy agent would not hand out the socket that `end` cuts.
  const connectThrough = async (proxy: string, ...[options, done]: Parameters<Connect>) => {
    const port = options.port || (options.protocol === "https:" ? "443" : "80");
    try {
      const tunnel = await openTunnel(`${options.hostname}:${port}`, proxy, trusted, CONNECT_MS);
      if (options.protocol === "https:") connect({ ...options, httpSocket: tunnel }, done);
      else done(null, tunnel);
    } catch (error) {
      done(error instanceof Error ? error : new Error("no tunnel"), null);
    }
  };
  const dispatcher = new Agent({
    connect: (options, done) => {
      const connected: typeof done = (...result) => {
        const [error, socket] = result;
        if (error) failure = describe(error);
        if (socket && isOver) socket.destroy();
        tcp = socket ?? undefined;
        done(...result);
      };
      if (proxyUrl === undefined) connect(options, connected);
      else void connectThrough(proxyUrl, options, connected);
    },
    webSocket: { maxPayloadSize: MAX_FRAME_BYTES },
  });
  const socket = new WebSocket(url, { dispatcher });

  // These tell of every WebSocket of the process.
  const onPing = (message: unknown): void => {
    if (isAbout(message, socket) && !isOver) events.pinged?.();
  };
  const onPong = (message: unknown): void => {
    if (isAbout(message, socket) && !isOver) events.ponged?.();
  };
  PINGS.subscribe(onPing);
  PONGS.subscribe(onPong);

  const end = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    PINGS.unsubscribe(onPing);
    PONGS.unsubscribe(onPong);
    try {
      socket.close();
    } catch {
      // It was closed already.
    }
    // The closing handshake needs a peer that still answers; the bytes that say so are on their way.
    setImmediate(() => tcp?.destroy());
    dispatcher.destroy().catch(() => {});
    events.closed(reason);
  };

  socket.addEventListener("open", () => {
    if (!isOver) events.opened();
  });
  socket.addEventListener("message", ({ data }) => {
    if (isOver) return;
    if (typeof data === "string") events.received(data);
    else end("a binary frame");
  });
  socket.addEventListener("close", ({ code }) => end(`closed with code ${code}`));
  socket.addEventListener("error", ({ error }) => end(failure ?? describe(error)));

  return {
    send: (text) => {
      if (!isOver) socket.send(text);
    },
    ping: () => {
      if (!isOver && socket.readyState === WebSocket.OPEN) ping(socket);
    },
    close: () => end("closed by us"),
  };
};

/** @see https://undici.nodejs.org/#/docs/api/DiagnosticsChannel */
const PINGS = channel("undici:websocket:ping");
const PONGS = channel("undici:websocket:pong");

const isAbout = (message: unknown, socket: object): boolean =>
  typeof message === "object" &&
  message !== null &&
  "websocket" in message &&
  message.websocket === socket;

/** Without texts: they may repeat what was received. */
const describe = (error: unknown): string => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? "the connection broke" : describe(cause);
};
