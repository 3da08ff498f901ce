import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/**
 * Whose request this is: the connection's other end, or, when that is a declared proxy, whoever
 * the proxy says it was. Nobody else's word is taken.
 * @param trustedProxies addresses and ranges, as in `server.trusted_proxies`
 */
export const createClientAddress = (
  trustedProxies: readonly string[],
): ((request: IncomingMessage) => string) => {
  const proxies = new BlockList();
  for (const proxy of trustedProxies) {
    const [address = "", bits] = proxy.split("/");
    if (bits === undefined) proxies.addAddress(address, familyOf(address));
    else proxies.addSubnet(address, Number(bits), familyOf(address));
  }
  return (request) => {
    const header = request.headers["x-forwarded-for"];
    const hops = `${header ?? ""}`.split(",").map((hop) => plain(hop.trim()));
    // Each proxy appends whom it saw, so the last one that is no proxy of ours was seen by one of ours.
    let address = plain(request.socket.remoteAddress ?? "");
    while (proxies.check(address, familyOf(address))) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
};

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** An IPv4 address in IPv6 clothes, as an IPv4 address. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");
