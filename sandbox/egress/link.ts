import { chmodSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { WayOut } from "../driver.ts";
import { SandboxError } from "../errors.ts";
import { createTokenBucket } from "./bandwidth.ts";
import type { EgressLink, EgressRun } from "./egress.ts";
import { forward } from "./forward.ts";
import { SOCKETS } from "./forwarder.ts";
import { beginExchange, type Passage, refusalText } from "./passage.ts";
import type { Via } from "./request-head.ts";
import { connectTunnel, directTls } from "./tunnel.ts";

/** What a link is made of; the rest of its passage comes with the run. */
export interface LinkParts {
  readonly wayOut: WayOut;
  /** All that does not depend on the run. */
  readonly shared: Pick<Passage, "destinations" | "timeouts" | "trust"> &
    Partial<Pick<Passage, "authority">>;
  /** The budget of a run, over its tenant's. */
  readonly budgetFor: (run: EgressRun, signal: AbortSignal) => Passage["budget"];
  readonly nowMs: () => number;
}

/** More than a job needs at once; each costs the gateway two descriptors. */
const MAX_CONNECTIONS = 256;
const MAX_HEAD_BYTES = 16 * 1024;
// Refusals cost a job nothing, so without a pace it could fill the record's disk with them.
const REQUESTS_PER_SECOND = 200;
const REQUESTS_AT_ONCE = 500;
/** One record a second tells of connections over the cap. */
const CAP_RECORD_MS = 1_000;
/** For records of what a closing link cuts off. */
const LAST_WORDS_MS = 500;
const MAX_SOCKET_PATH_BYTES = 107;

/** Listens on the sockets of a folder. Throws SandboxError when it cannot. */
export const openLink = async (parts: LinkParts): Promise<EgressLink> => {
  const { wayOut, shared, nowMs } = parts;
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  const running = new Set<Promise<void>>();
  const vias = new WeakMap<Socket, Via>();
  let passage: Passage | undefined;

  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {}); // seen where it is read; without a listener it would end the gateway
    socket.once("close", () => sockets.delete(socket));
    if (closing.signal.aborted) socket.destroy();
  };

  const perform = (socket: Socket, work: Promise<void>): void => {
    const settled = work.catch(() => void socket.destroy()).finally(() => running.delete(settled));
    running.add(settled);
  };

  let clients = 0;
  let capRecordedMs = -Infinity;
  /** Whether a connection from inside may be served. */
  const admit = (socket: Socket): Passage | undefined => {
    track(socket);
    if (passage !== undefined && clients < MAX_CONNECTIONS) {
      clients++;
      socket.once("close", () => clients--);
      return passage;
    }
    socket.destroy();
    if (passage !== undefined && nowMs() - capRecordedMs >= CAP_RECORD_MS) {
      capRecordedMs = nowMs();
      refuse(passage, "", `more than ${MAX_CONNECTIONS} connections at once`);
    }
    return undefined;
  };

  const refuse = (from: Passage, host: string, rule: string): void =>
    from.begin().end({ method: "", host, port: 0, decision: "deny", rule });

  const http = createHttpServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: shared.timeouts.headMs,
    requestTimeout: 0, // a body takes as long as its bandwidth makes it
    connectionsCheckingInterval: Math.min(shared.timeouts.headMs / 2, 5_000),
    keepAliveTimeout: shared.timeouts.headMs,
    requireHostHeader: false, // judged with the rest of the head
  });
  const viaOf = (socket: Socket): Via => vias.get(socket) ?? { kind: "proxy" };
  http.on("connection", (socket) => {
    if (!vias.has(socket)) admit(socket);
  });
  http.on("request", (request, response) => {
    if (passage === undefined) return void request.socket.destroy();
    request.on("error", () => {});
    perform(request.socket, forward(passage, viaOf(request.socket), request, response));
  });
  const serveTerminated = (socket: Socket, via: Via): void => {
    track(socket);
    vias.set(socket, via);
    socket.setTimeout(shared.timeouts.idleMs, () => socket.destroy());
    http.emit("connection", socket);
  };
  http.on("connect", (request: IncomingMessage, _stream, head: Buffer) => {
    const { socket } = request;
    if (head.length > 0) socket.unshift(head);
    if (passage === undefined) return void socket.destroy();
    if (viaOf(socket).kind === "proxy") {
      return perform(socket, connectTunnel(passage, request, socket, serveTerminated));
    }
    refuse(passage, "", "CONNECT is for the proxy's own port only");
    socket.destroy();
  });
  http.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    if (passage !== undefined && error.code !== "ECONNRESET" && !closing.signal.aborted) {
      const via = viaOf(socket);
      const rule = `the request cannot be read (${error.code ?? "unknown"})`;
      refuse(passage, via.kind === "terminated" ? via.host : "", rule);
      if (socket.writable) {
        const text = refusalText(rule);
        socket.end(
          `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
          () => socket.destroySoon(),
        );
        return;
      }
    }
    socket.destroy();
  });

  const direct = createNetServer({ allowHalfOpen: true }, (socket) => {
    if (admit(socket) === undefined) return;
    vias.set(socket, { kind: "direct" });
    http.emit("connection", socket);
  });
  const tls = createNetServer({ allowHalfOpen: true }, (socket) => {
    const admitted = admit(socket);
    if (admitted !== undefined) perform(socket, directTls(admitted, socket, serveTerminated));
  });

  const servers: readonly (readonly [Server, string])[] = [
    [http, SOCKETS.proxy],
    [direct, SOCKETS.http],
    [tls, SOCKETS.tls],
  ];
  let closed: Promise<void> | undefined;
  const link: EgressLink = {
    wayOut,
    bind(run) {
      if (passage !== undefined) throw new SandboxError("the way out is bound to a run already");
      const record: EgressRun["record"] = (decision) => {
        if (closed === undefined || !isOver) run.record(decision);
      };
      const requests = createTokenBucket(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE);
      passage = {
        ...shared,
        run,
        budget: parts.budgetFor(run, closing.signal),
        async pace() {
          const delayMs = requests.reserve(1, nowMs());
          if (delayMs > 0) await sleep(delayMs, undefined, { signal: closing.signal });
        },
        track,
        begin: () => beginExchange(record, nowMs),
      };
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
  let isOver = false;
  const close = async (): Promise<void> => {
    closing.abort();
    const ended = servers.map(([server]) => new Promise((done) => server.close(done)));
    for (const socket of sockets) socket.destroy();
    const patience = new AbortController();
    await Promise.race([
      Promise.all([...ended, ...running]),
      sleep(LAST_WORDS_MS, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    isOver = true;
    rmSync(wayOut.folder, { recursive: true, force: true });
  };

  try {
    for (const [server, name] of servers) await listen(server, join(wayOut.folder, name));
  } catch (error) {
    await link.close();
    throw error;
  }
  return link;
};

const listen = async (server: Server, path: string): Promise<void> => {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new SandboxError(
      `the path of a socket is too long: ${path}; choose a shorter state folder`,
    );
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve());
  });
  server.on("error", () => {}); // one that cannot accept now, for want of descriptors, can later
  chmodSync(path, 0o666); // the folder's other side is one sandbox and nothing else
};
