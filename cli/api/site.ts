import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Settings } from "../../config/schema.ts";
import { ApiError } from "./errors.ts";

/**
 * Refuses what a web page elsewhere makes a browser send: a Host that is not ours (a name that was
 * rebound to our address) and an Origin that is not ours. Throws ApiError.
 */
export const createSiteCheck = (
  server: Pick<Settings["server"], "host" | "public_url" | "tls">,
): ((request: IncomingMessage) => void) => {
  const publicUrl = server.public_url === undefined ? undefined : new URL(server.public_url);
  const scheme = server.tls ? "https" : "http";
  return ({ headers, socket }) => {
    const asked = urlOf(`${scheme}://${headers.host ?? ""}`);
    const local = (socket.localAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
    const ours = [
      publicUrl?.hostname,
      // An address cannot be rebound: it is ours when it is the one that the connection came to.
      ...[server.host, local].map(hostnameOf),
      isLoopback(local) ? "localhost" : undefined,
    ];
    if (!asked || !ours.includes(asked.hostname)) {
      throw new ApiError(
        403,
        "FOREIGN_HOST",
        "the Host header names somebody else: use the gateway's own address, or set " +
          "server.public_url to the one that you use",
      );
    }
    const { origin } = headers;
    if (origin === undefined || origin === asked.origin || origin === publicUrl?.origin) return;
    throw new ApiError(
      403,
      "FOREIGN_ORIGIN",
      "a web page of another site asks: only pages of the gateway's own address or of " +
        "server.public_url may",
    );
  };
};

/** A URL of a host and port, and nothing more. */
const urlOf = (text: string): URL | undefined => {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.pathname === "/" && url.search === "" && url.hash === "";
  return isPlain && url.username === "" && url.password === "" ? url : undefined;
};

const hostnameOf = (address: string): string | undefined => {
  const text = `http://${isIP(address) === 6 ? `[${address}]` : address}`;
  return URL.canParse(text) ? new URL(text).hostname : undefined;
};

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
