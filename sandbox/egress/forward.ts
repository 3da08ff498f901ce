import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Credential } from "../driver.ts";
import { throttle } from "./bandwidth.ts";
import {
  credentialsFor,
  hideSecrets,
  hideSecretsIn,
  type Placement,
  placeCredentials,
} from "./credentials.ts";
import type { Destination } from "./destination.ts";
import { dial, startTls, UpstreamError } from "./dial.ts";
import { type Exchange, type Passage, refusalText } from "./passage.ts";
import { endToEnd, pairsOf, readRequestHead, type Via } from "./request-head.ts";
import { requestProblem } from "./rules.ts";

/** Judges one request and, if it may pass, makes one of our own to its host. Never rejects. */
export const forward = async (
  passage: Passage,
  via: Via,
  client: IncomingMessage,
  answer: ServerResponse,
): Promise<void> => {
  await passage.pace();
  const exchange = passage.begin();
  const { method = "", url = "", rawHeaders } = client;
  const head = readRequestHead({ method, url, rawHeaders }, via);
  const refuse = (status: number, rule: string, place: { host?: string; port?: number }) => {
    const { host = "", port = 0 } = place;
    const path = head.ok ? { path: pathOf(head.target) } : {};
    exchange.end({ method, host, port, decision: "deny", rule, ...path });
    respond(client, answer, status, refusalText(rule, place));
  };
  if (!head.ok) return refuse(head.status, head.rule, head);
  const ruling = await passage.destinations.judge(head.host, head.port, passage.run);
  if (!ruling.ok) return refuse(ruling.status, ruling.rule, head);
  const { destination } = ruling;
  const problem = requestProblem(destination.endpoints, { method, target: head.target });
  if (problem !== undefined) return refuse(403, problem, head);
  const placement = placeCredentials(head, placeable(destination, via, passage));
  if (placement === undefined) {
    return refuse(403, "a secret has characters that no header can have", head);
  }

  const outcome = { method, host: head.host, port: head.port, path: pathOf(head.target) };
  const allow = (rule: string) => exchange.end({ ...outcome, decision: "allow", rule });
  try {
    await relay({ passage, via, client, answer, exchange, destination, placement });
    allow(destination.rule);
  } catch (error) {
    const reason = error instanceof UpstreamError ? error.message : "the connection broke off";
    allow(`${destination.rule}; ${reason}`);
    const status = error instanceof UpstreamError ? error.status : 502;
    if (answer.headersSent) answer.destroy();
    else respond(client, answer, status, `openshell: ${reason} (${head.host}:${head.port})\n`);
  }
};

const pathOf = (target: string): string => (target.split("?")[0] ?? "").slice(0, 1024);

/** Secrets go to their own host, and only where nobody on the way can read them. */
const placeable = (
  { host, isInternal }: Destination,
  via: Via,
  { run }: Passage,
): readonly Credential[] =>
  via.kind === "terminated" || isInternal ? credentialsFor(host, run.credentials) : [];

interface Relay {
  readonly passage: Passage;
  readonly via: Via;
  readonly client: IncomingMessage;
  readonly answer: ServerResponse;
  readonly exchange: Exchange;
  readonly destination: Destination;
  readonly placement: Placement;
}

/** Answers of 1xx before the one that counts. */
const MAX_ANNOUNCEMENTS = 16;

const relay = async (parts: Relay): Promise<void> => {
  const { passage, via, client, answer, exchange, destination, placement } = parts;
  const { budget, timeouts } = passage;
  const gone = new AbortController();
  answer.once("close", () => gone.abort());
  const dialled = await dial(destination, timeouts.connectMs, gone.signal);
  passage.track(dialled);
  const socket =
    via.kind === "terminated"
      ? await startTls(dialled, destination, passage.trust(), timeouts.connectMs, gone.signal)
      : dialled;
  gone.signal.addEventListener("abort", () => socket.destroy(), { once: true });
  socket.setTimeout(timeouts.idleMs, () =>
    socket.destroy(new UpstreamError(504, "the host did not answer in time")),
  );

  const headers = outgoingHeaders(client, destination, via, placement);
  const headBytes = sizeOf(client.method, placement.target, headers);
  await budget.spend(headBytes);
  exchange.sent(headBytes);
  const upstream = request({
    method: client.method ?? "",
    path: placement.target,
    headers,
    createConnection: () => socket,
  });
  const responded = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once("response", resolve);
    upstream.on("error", (cause) =>
      reject(
        cause instanceof UpstreamError
          ? cause
          : new UpstreamError(502, "the host broke off before it answered", { cause }),
      ),
    );
  });
  // Each is read and dropped at no cost to the host, and no budget holds it back.
  let announcements = 0;
  upstream.on("information", () => {
    announcements++;
    if (announcements > MAX_ANNOUNCEMENTS) {
      socket.destroy(new UpstreamError(502, "the host announces an answer without end"));
    }
  });
  // A host may answer before it has read everything; then what is left does not matter.
  pipeline(client, throttle(budget, exchange.sent), upstream).catch(() => {});
  try {
    await pass(await responded, placement.placed, parts);
  } finally {
    socket.destroy();
  }
};

const pass = async (
  response: IncomingMessage,
  placed: readonly Credential[],
  { passage: { budget }, client, answer, exchange }: Relay,
): Promise<void> => {
  const all = pairsOf(response.rawHeaders);
  const values = (name: string) =>
    all.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  // What is hidden in a body may change its length.
  const isLengthKept = placed.length === 0 || client.method === "HEAD";
  const headers = endToEnd(all, values)
    .filter(([name]) => isLengthKept || name.toLowerCase() !== "content-length")
    // A placeholder cannot be the name of a header.
    .filter(([name]) => hideSecrets(name, placed) === name)
    .flatMap(([name, value]) => [name, hideSecrets(value, placed)]);
  const reason = hideSecrets(response.statusMessage ?? "", placed);
  const headBytes = sizeOf(reason, "", headers);
  await budget.spend(headBytes);
  exchange.received(headBytes);
  answer.sendDate = false;
  answer.writeHead(response.statusCode ?? 502, reason, headers);
  answer.flushHeaders();
  const count = throttle(budget, exchange.received);
  if (placed.length === 0) await pipeline(response, count, answer);
  else await pipeline(response, count, hideSecretsIn(placed), answer);
};

/** Without a body these say nothing of one. */
const BODILESS = new Set(["GET", "HEAD", "DELETE", "OPTIONS"]);

/** Flat, as Node writes them: Host from what was judged, exactly one framing. */
const outgoingHeaders = (
  client: IncomingMessage,
  { host, port }: Destination,
  via: Via,
  { headers, placed }: Placement,
): string[] => {
  const usualPort = via.kind === "terminated" ? 443 : 80;
  const isChunked = client.headers["transfer-encoding"] !== undefined;
  const hasLength = client.headers["content-length"] !== undefined;
  const lines = headers.filter(
    // Secrets can be hidden only in an answer that can be read.
    ([name]) => placed.length === 0 || name.toLowerCase() !== "accept-encoding",
  );
  return [
    ["Host", port === usualPort ? host : `${host}:${port}`] as const,
    ...lines,
    ...(placed.length === 0 ? [] : [["Accept-Encoding", "identity"] as const]),
    ...(isChunked ? [["Transfer-Encoding", "chunked"] as const] : []),
    ...(isChunked || hasLength || BODILESS.has(client.method ?? "")
      ? []
      : [["Content-Length", "0"] as const]),
    // Used once all the same: a host that was told to close might do so while we still send.
    ["Connection", "keep-alive"] as const,
  ].flat();
};

const sizeOf = (first: string | undefined, second: string, headers: readonly string[]): number =>
  [first ?? "", second, ...headers].reduce((bytes, part) => bytes + part.length + 2, 0);

const respond = (
  client: IncomingMessage,
  answer: ServerResponse,
  status: number,
  text: string,
): void => {
  client.resume(); // or the end of the connection could overtake the text
  answer.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  answer.end(client.method === "HEAD" ? undefined : text);
};
