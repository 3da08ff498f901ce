import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, BlockList, isIP } from "node:net";
import type { Settings } from "../config/schema.ts";
import { StartError } from "./errors.ts";

/** The one port that everything is served on. */
export interface Listener {
  /** `https://host:port` or `http://host:port`. */
  readonly url: string;
  /** Takes no more requests; resolves when the open ones are answered, or cut off after a while or by `signal`. */
  close(signal: AbortSignal): Promise<void>;
}

type ServerSettings = Settings["server"];
type InTransit = NonNullable<NonNullable<Settings["enterprise"]>["encryption"]>["in_transit"];

/** Why these settings must not listen, and what to do; undefined when they may. */
export const listenerProblem = ({
  host,
  tls,
  trusted_proxies,
}: ServerSettings): string | undefined => {
  if (isLoopback(host) || tls || (trusted_proxies && trusted_proxies.length > 0)) return undefined;
  return (
    `server.host is ${host}, which others can reach, without encryption: set server.tls ` +
    "{cert_file, key_file}, or server.trusted_proxies to the proxy that ends TLS in front of it, " +
    "or server.host to 127.0.0.1"
  );
};

/** Why `start` would refuse to listen with these settings on this machine, and what to do. */
export const startProblem = ({
  server,
  enterprise,
}: Pick<Settings, "server" | "enterprise">): string | undefined => {
  try {
    if (server.tls) createTls(server.tls, enterprise.encryption?.in_transit, () => {});
  } catch (cause) {
    if (cause instanceof StartError) return cause.message;
    throw cause;
  }
  return listenerProblem(server);
};

// Platforms hang up after five seconds. Turns go on being begun until this is over, and the time in
// which they may end runs: who sends a request slowly must not take it.
const GRACE_MS = 6_000;

/**
 * Serves `handle`. Without TLS only loopback and the declared proxies are let in: a plain
 * connection from elsewhere has not passed the proxy that was to protect it.
 * Throws StartError when the address or the certificate cannot be used.
 */
export const listen = async (
  handle: RequestListener,
  server: ServerSettings,
  inTransit: InTransit,
  graceMs = GRACE_MS,
): Promise<Listener> => {
  const handleReadable = refuseUnreadable(handle);
  const http = server.tls
    ? createTls(server.tls, inTransit, handleReadable)
    : createPlain(server.trusted_proxies ?? [], handleReadable);
  http.headersTimeout = 10_000;
  http.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(server.port, server.host, resolve);
  }).catch((cause: unknown) => {
    const code = codeOf(cause);
    throw new StartError(
      `cannot listen on ${server.host}:${server.port} (${code}): ${LISTEN_REMEDIES.get(code) ?? "check server.host and server.port"}`,
      { cause },
    );
  });
  const { address, port } = http.address() as AddressInfo;
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return {
    url: `${server.tls ? "https" : "http"}://${host}:${port}`,
    close: (signal) =>
      new Promise((resolve) => {
        // A closing server watches no time-outs: somebody who never ends a request would keep it.
        const cutOff = () => http.closeAllConnections();
        const timer = setTimeout(cutOff, graceMs);
        http.close(() => {
          clearTimeout(timer);
          signal.removeEventListener("abort", cutOff);
          resolve();
        });
        if (signal.aborted) cutOff();
        else signal.addEventListener("abort", cutOff, { once: true });
      }),
  };
};

/** Answers 400 where a target is no URL: what is behind reads it with a parser that throws then. */
const refuseUnreadable =
  (handle: RequestListener): RequestListener =>
  (request, response) => {
    const { url = "" } = request;
    if (url.startsWith("/") || url === "*" || URL.canParse(url)) return handle(request, response);
    response.writeHead(400, { connection: "close" }).end();
  };

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

const createPlain = (trustedProxies: readonly string[], handle: RequestListener) => {
  const isTrusted = trustedPeers(trustedProxies);
  return createServer((request, response) => {
    const { remoteAddress } = request.socket;
    if (remoteAddress !== undefined && isTrusted(remoteAddress)) return handle(request, response);
    response.writeHead(403, { connection: "close" }).end();
  });
};

/** More than most have proxies; others are let in as well, if not as fast. */
const MAX_REMEMBERED = 256;

const trustedPeers = (proxies: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList();
  list.addSubnet("127.0.0.0", 8);
  list.addAddress("::1", "ipv6");
  for (const proxy of proxies) {
    const [address = "", prefix] = proxy.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  // A list takes long to be asked, and what it says of an address never changes.
  const remembered = new Set<string>();
  return (address) => {
    if (remembered.has(address)) return true;
    const isTrusted = list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
    if (isTrusted && remembered.size < MAX_REMEMBERED) remembered.add(address);
    return isTrusted;
  };
};

const LISTEN_REMEDIES: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "another program has this port; stop it, or set server.port to another"],
  ["EADDRNOTAVAIL", "this machine does not have that address; set server.host to one of its own"],
  ["ENOTFOUND", "that name has no address; set server.host to an address of this machine"],
  ["EACCES", "this user may not take that port; set server.port to one above 1023"],
]);

const createTls = (
  { cert_file, key_file }: NonNullable<ServerSettings["tls"]>,
  inTransit: InTransit,
  handle: RequestListener,
) => {
  const options = {
    cert: readPem("cert_file", cert_file),
    key: readPem("key_file", key_file),
    minVersion: inTransit?.tls_version === "1.2" ? ("TLSv1.2" as const) : ("TLSv1.3" as const),
    ...(inTransit?.cipher_suites && { ciphers: inTransit.cipher_suites.join(":") }),
  };
  try {
    return createTlsServer(options, handle);
  } catch (cause) {
    throw new StartError(
      `server.tls with ${cert_file} and ${key_file} cannot be used (${codeOf(cause)}): both must ` +
        "be PEM and belong together, and enterprise.encryption.in_transit.cipher_suites must be " +
        "names that OpenSSL knows",
      { cause },
    );
  }
};

const readPem = (key: "cert_file" | "key_file", file: string): Buffer => {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new StartError(
      `server.tls.${key} ${file} cannot be read (${codeOf(cause)}): set it to a PEM file that ` +
        "the gateway's user may read",
      { cause },
    );
  }
};

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
