import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { TLSSocket } from "node:tls";
import { throttle } from "./bandwidth.ts";
import { credentialsFor } from "./credentials.ts";
import type { Destination } from "./destination.ts";
import { dial, UpstreamError } from "./dial.ts";
import { foldHost, splitAuthority } from "./host-name.ts";
import { type Exchange, type Passage, refusalText } from "./passage.ts";
import { isSamePlace, notAName, pairsOf, quoted, type Via } from "./request-head.ts";
import { restrictsRequests } from "./rules.ts";
import { readServerName, type ServerName } from "./server-name.ts";

/** Takes over a connection whose TLS the proxy has ended. */
export type Accept = (socket: Socket, via: Via & { kind: "terminated" }) => void;

const METHOD = "CONNECT";
const HTTPS_PORT = 443;

/** Answers a CONNECT: a way to its host for TLS that names the same host, and for nothing else. */
export const connectTunnel = async (
  passage: Passage,
  request: IncomingMessage,
  client: Socket,
  accept: Accept,
): Promise<void> => {
  await passage.pace();
  const exchange = passage.begin();
  const refuse = (status: number, rule: string, place: { host?: string; port?: number } = {}) => {
    const { host = quoted(request.url ?? ""), port = 0 } = place;
    exchange.end({ method: METHOD, host, port, decision: "deny", rule });
    answer(client, status, refusalText(rule, { host, port }));
  };
  const place = splitAuthority(request.url ?? "");
  if (place?.port === undefined) return refuse(400, "CONNECT needs a host and a port");
  const { port } = place;
  const folded = foldHost(place.host);
  if (folded.kind !== "name") {
    const problem = notAName(place.host, port, folded.kind);
    return refuse(problem.status, problem.rule, problem);
  }
  const target = { host: folded.name, port };
  const headers = pairsOf(request.rawHeaders);
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value);
  if (hosts.length > 1) return refuse(400, "there is more than one Host header", target);
  if (!isSamePlace(hosts, target, port)) {
    return refuse(403, "the Host header is not the host of the CONNECT", target);
  }
  if (headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))) {
    return refuse(400, "a CONNECT has no body", target);
  }
  const ruling = await passage.destinations.judge(target.host, port, passage.run);
  if (!ruling.ok) return refuse(ruling.status, ruling.rule, target);
  const { destination } = ruling;
  const problem = encryptedProblem(destination, passage);
  if (problem !== undefined) return refuse(403, problem, target);

  const upstream = endsTls(destination, passage)
    ? undefined
    : await reach(destination, passage, client, exchange, METHOD).catch(() => undefined);
  if (upstream === undefined && !endsTls(destination, passage)) return;
  client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  const name = await readServerName(client, passage.timeouts.headMs);
  if (name.kind !== "name" || name.host !== target.host) {
    const rule =
      name.kind === "name" ? `TLS names ${name.host}, not the host of the CONNECT` : name.rule;
    exchange.end({ method: METHOD, ...target, decision: "deny", rule });
    upstream?.destroy();
    return turnAway(client, name, refusalText(rule, target));
  }
  if (upstream === undefined)
    return terminate(passage, client, destination, exchange, METHOD, accept);
  await join(passage, client, upstream, exchange);
  exchange.end({ method: METHOD, ...target, decision: "allow", rule: destination.rule });
};

/** Serves TLS that was led here by /etc/hosts: the name that it gives is where it goes, to port 443. */
export const directTls = async (
  passage: Passage,
  client: Socket,
  accept: Accept,
): Promise<void> => {
  await passage.pace();
  const exchange = passage.begin();
  const name = await readServerName(client, passage.timeouts.headMs);
  const refuse = (rule: string, host = "") => {
    exchange.end({ method: "TLS", host, port: HTTPS_PORT, decision: "deny", rule });
    turnAway(client, name, refusalText(rule));
  };
  if (name.kind !== "name") return refuse(name.rule, name.kind === "bad name" ? name.text : "");
  const { host } = name;
  const ruling = await passage.destinations.judge(host, HTTPS_PORT, passage.run);
  if (!ruling.ok) return refuse(ruling.rule, host);
  const { destination } = ruling;
  const problem = encryptedProblem(destination, passage);
  if (problem !== undefined) return refuse(problem, host);
  if (endsTls(destination, passage)) {
    return terminate(passage, client, destination, exchange, "TLS", accept);
  }
  const upstream = await reach(destination, passage, client, exchange, "TLS").catch(
    () => undefined,
  );
  if (upstream === undefined) return;
  await join(passage, client, upstream, exchange);
  exchange.end({
    method: "TLS",
    host,
    port: HTTPS_PORT,
    decision: "allow",
    rule: destination.rule,
  });
};

const endsTls = ({ host, endpoints }: Destination, { authority, run }: Passage): boolean =>
  authority !== undefined &&
  (endpoints.some(({ tls }) => tls === "terminate") ||
    // What a policy says of a host's TLS stands.
    (endpoints.length === 0 && credentialsFor(host, run.credentials).length > 0));

const encryptedProblem = (destination: Destination, passage: Passage): string | undefined =>
  restrictsRequests(destination.endpoints) && !endsTls(destination, passage)
    ? "rules restrict requests to this host, which TLS hides: they need tls: terminate"
    : undefined;

const reach = async (
  destination: Destination,
  passage: Passage,
  client: Socket,
  exchange: Exchange,
  method: string,
): Promise<Socket> => {
  const gone = new AbortController();
  const abort = () => gone.abort();
  client.once("close", abort);
  try {
    const upstream = await dial(destination, passage.timeouts.connectMs, gone.signal);
    passage.track(upstream);
    return upstream;
  } catch (error) {
    const reason = error instanceof UpstreamError ? error.message : "the host cannot be reached";
    const { host, port, rule } = destination;
    exchange.end({ method, host, port, decision: "allow", rule: `${rule}; ${reason}` });
    const status = error instanceof UpstreamError ? error.status : 502;
    if (method === METHOD) answer(client, status, `openshell: ${reason} (${host}:${port})\n`);
    else client.end(ALERT_INTERNAL_ERROR);
    throw error;
  } finally {
    client.removeListener("close", abort);
  }
};

/** Passes bytes both ways until both sides have ended, or one has failed. */
const join = async (
  { budget, timeouts }: Passage,
  client: Socket,
  upstream: Socket,
  exchange: Exchange,
): Promise<void> => {
  for (const socket of [client, upstream]) {
    socket.setTimeout(timeouts.idleMs, () => socket.destroy());
  }
  await Promise.allSettled([
    pipeline(client, throttle(budget, exchange.sent), upstream),
    pipeline(upstream, throttle(budget, exchange.received), client),
  ]);
};

const terminate = async (
  { authority }: Passage,
  client: Socket,
  { host, port, rule }: Destination,
  exchange: Exchange,
  method: string,
  accept: Accept,
): Promise<void> => {
  const secureContext = await authority?.contextFor(host);
  exchange.end({ method, host, port, decision: "allow", rule: `${rule}; each request is judged` });
  if (secureContext === undefined) return void client.destroy();
  const secure = new TLSSocket(client, {
    isServer: true,
    secureContext,
    ALPNProtocols: ["http/1.1"],
  });
  accept(secure, { kind: "terminated", host, port });
};

// Fatal alerts: what a TLS client can understand of a refusal.
// @see https://www.rfc-editor.org/rfc/rfc8446#section-6
const alert = (description: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, description]);
const ALERT_ACCESS_DENIED = alert(49);
const ALERT_INTERNAL_ERROR = alert(80);

const turnAway = (client: Socket, name: ServerName, text: string): void => {
  client.resume();
  if (name.kind === "none" && !name.isTls) answer(client, 403, text);
  else finish(client, ALERT_ACCESS_DENIED);
};

const answer = (client: Socket, status: number, text: string): void => {
  client.resume();
  const reason =
    { 400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway" }[status] ?? "Gateway Timeout";
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  finish(client, `${head.join("\r\n")}\r\n\r\n${text}`);
};

/** Says one last thing, and does not wait for an answer. */
const finish = (client: Socket, words: string | Buffer): void => {
  client.end(words, () => client.destroySoon());
};
