import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, BlockList, isIP } from "node:net";
import type { Settings } from "../config/schema.ts";

/** The one port that everything is served on. */
export interface Listener {
  /** `https://host:port` or `http://host:port`. */
  readonly url: string;
  /** Takes no more requests; resolves when the open ones are answered. */
  close(): Promise<void>;
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

/**
 * Serves `handle`. Without TLS only loopback and the declared proxies are let in: a plain
 * connection from elsewhere has not passed the proxy that was to protect it.
 */
export const listen = async (
  handle: RequestListener,
  server: ServerSettings,
  inTransit: InTransit,
): Promise<Listener> => {
  const isTrusted = trustedPeers(server.trusted_proxies ?? []);
  const guarded: RequestListener = server.tls
    ? handle
    : (request, response) => {
        if (isTrusted(request.socket.remoteAddress ?? "")) return handle(request, response);
        response.writeHead(403, { connection: "close" }).end();
      };
  const http = server.tls
    ? createTlsServer(tlsOptions(server.tls, inTransit), guarded)
    : createServer(guarded);
  http.headersTimeout = 10_000;
  http.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(server.port, server.host, resolve);
  });
  const { address, port } = http.address() as AddressInfo;
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return {
    url: `${server.tls ? "https" : "http"}://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeIdleConnections();
      }),
  };
};

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

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
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
};

const tlsOptions = (tls: NonNullable<ServerSettings["tls"]>, inTransit: InTransit) => ({
  cert: readFileSync(tls.cert_file),
  key: readFileSync(tls.key_file),
  minVersion: inTransit?.tls_version === "1.2" ? ("TLSv1.2" as const) : ("TLSv1.3" as const),
  ...(inTransit?.cipher_suites && { ciphers: inTransit.cipher_suites.join(":") }),
});
