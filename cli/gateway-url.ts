import type { Settings } from "../config/schema.ts";

/** Where this machine reaches a gateway that listens so, e.g. `http://127.0.0.1:8080`. */
export const localUrl = ({
  host,
  port,
  tls,
}: Pick<Settings["server"], "host" | "port" | "tls">): string => {
  // A listener on every address is reached on loopback.
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `${tls ? "https" : "http"}://${name.includes(":") ? `[${name}]` : name}:${port}`;
};

/** Where platforms find the gateway; where nobody has said so, where this machine does. */
export const gatewayUrl = ({ server }: Pick<Settings, "server">): string =>
  server.public_url ?? localUrl(server);
