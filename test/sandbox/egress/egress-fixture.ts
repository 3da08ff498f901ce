import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../../../sandbox/egress/authority.ts";
import type { EgressDecision, EgressLink, EgressRun } from "../../../sandbox/egress/egress.ts";
import { createEgress, type EgressOptions } from "../../../sandbox/egress/proxy.ts";

/** Undoes, last made first, what a test has made. */
const cleanups: (() => unknown)[] = [];

export const cleanUp = async (): Promise<void> => {
  for (const work of cleanups.splice(0).reverse()) await work();
};

export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "egr-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A run that may use all that the settings allow; nobody keeps its record. */
export const RUN: EgressRun = {
  tenantId: "acme",
  runId: "run",
  only: "settings",
  credentials: [],
  bytesPerSecond: Infinity,
  record: () => {},
};

/** A link with a run bound to it, and what was recorded of it. */
export interface TestLink {
  readonly link: EgressLink;
  readonly records: EgressDecision[];
  /** Path of one of the link's sockets. */
  socket(name?: "egress" | "http" | "tls"): string;
  /** Sends bytes and resolves with all that comes back until the end. */
  send(bytes: string | Buffer, name?: "egress" | "http" | "tls"): Promise<string>;
}

export const openTestLink = async (
  options: Partial<EgressOptions>,
  run: Partial<EgressRun> = {},
): Promise<TestLink> => {
  const egress = createEgress({
    network: { mode: "whitelist", allowed_domains: ["a.test", "b.test"] },
    folder: temporaryFolder(),
    resolve: async () => [],
    ...options,
  });
  cleanups.push(() => egress.close());
  const link = await egress.open("slot", "acme", (run.credentials ?? []).length > 0);
  const records: EgressDecision[] = [];
  link.bind({ ...RUN, record: (decision) => records.push(decision), ...run });
  const socket = (name = "egress") => join(link.wayOut.folder, `${name}.sock`);
  return {
    link,
    records,
    socket,
    async send(bytes, name) {
      const client = connect(socket(name));
      client.write(bytes);
      return readAll(client);
    },
  };
};

/** All bytes of a socket as Latin-1, until it ends in whatever way. */
export const readAll = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
    socket.on("end", () => socket.end());
  });

/** Resolves once what has come satisfies the test. */
export const readUntil = (socket: Socket, test: RegExp): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!test.test(text)) return;
      socket.off("data", read);
      resolve(text);
    };
    socket.on("data", read);
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });

const listen = async (server: NetServer | Server): Promise<number> => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  cleanups.push(
    () =>
      new Promise<void>((done) => {
        if ("closeAllConnections" in server) server.closeAllConnections();
        server.close(() => done());
      }),
  );
  return (server.address() as AddressInfo).port;
};

/** A web server on loopback that remembers what it was asked. */
export const startHost = async (
  listener: RequestListener = (_request, response) => response.end("hello"),
): Promise<{ readonly port: number; readonly requests: IncomingMessage[] }> => {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  return { port: await listen(server), requests };
};

/** A TLS server for the names, and the PEM of who vouches for it. */
export const startTlsHost = async (
  name: string,
  listener: RequestListener = (_request, response) => response.end("hello over tls"),
): Promise<{
  readonly port: number;
  readonly requests: IncomingMessage[];
  readonly caPem: string;
}> => {
  const authority = await createAuthority();
  const context = await authority.contextFor(name);
  const requests: IncomingMessage[] = [];
  const server = createTlsServer(
    { SNICallback: (_name, done) => done(null, context) },
    (request, response) => {
      requests.push(request);
      listener(request, response);
    },
  );
  return { port: await listen(server), requests, caPem: authority.certificatePem };
};

/** A server that does with its connections what the test says. */
export const startRawHost = async (serve: (socket: Socket) => void): Promise<number> => {
  const sockets = new Set<Socket>();
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  const port = await listen(server);
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
};

/** `openshell.hosts` that leads a name's ports to a server on loopback. */
export const internal = (ports: Readonly<Record<string, number>>) => ({
  address: "127.0.0.1",
  internal: true,
  port_map: ports,
});
