import type { Socket } from "node:net";

/** A proxy did not let us through; `code` is fit for a log. */
class TunnelError extends Error {
  override readonly name = "TunnelError";
  constructor(readonly code: string) {
    super(`no way through the proxy: ${code}`);
  }
}

/**
 * A connection to `host` (a name and a port) through an HTTP proxy. Throws TunnelError when the proxy
 * refuses, and what the network throws.
 * @param proxyUrl user and password may be part of it
 * @param ca PEM of authorities that are trusted beside the usual ones, of a proxy with TLS
 */
export const openTunnel = async (
  host: string,
  proxyUrl: string,
  ca: readonly string[] | undefined,
  timeoutMs: number,
): Promise<Socket> => {
  const { Client } = await import("undici");
  const { origin, username, password } = new URL(proxyUrl);
  const tls = ca === undefined ? {} : { ca: [...ca] };
  const client = new Client(origin, { connect: { timeout: timeoutMs, ...tls } });
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const basic = `Basic ${Buffer.from(user).toString("base64")}`;
  try {
    const { statusCode, socket } = await client.connect({
      path: host,
      headers: { host, ...(username !== "" && { "proxy-authorization": basic }) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (statusCode === 200) return socket as Socket;
    socket.on("error", () => {}).destroy();
    throw new TunnelError(`PROXY_SAYS_${statusCode}`);
  } finally {
    // The tunnel is no longer the client's; an attempt that failed is.
    client.destroy().catch(() => {});
  }
};
