import type { HostPort, RunRequest } from "./driver.ts";
import { foldPattern, matchesHost } from "./egress/host-name.ts";
import type { OpenshellSettings } from "./policy.ts";

type Network = OpenshellSettings["network"];

/** Whether a host name, or all below a `*.suffix`, lies in a host name or `*.suffix` of the settings. */
const isWithin = (host: string, allowed: string): boolean => {
  const [inner, outer] = [foldPattern(host), foldPattern(allowed)];
  if (inner === undefined || outer === undefined) return false;
  // All that lies below a suffix lies in the outer one when one name below it does.
  return inner === outer || matchesHost(outer, inner.replace(/^\*/, "any"));
};

/**
 * What of the hosts that a job asks for the settings allow. A wildcard that asks for more than they
 * allow shrinks to the hosts that they name. Empty when nothing is left.
 */
export const narrowEgress = (
  asked: readonly HostPort[],
  { mode, allowed_domains = [], blocked_ports = [] }: Network,
): readonly HostPort[] => {
  if (mode === "off") return [];
  return asked
    .filter(({ port }) => !blocked_ports.includes(port))
    .flatMap(({ host, port }) =>
      allowed_domains.some((allowed) => isWithin(host, allowed))
        ? [{ host, port }]
        : allowed_domains
            .filter((allowed) => isWithin(allowed, host))
            .map((allowed) => ({ host: allowed, port })),
    );
};

/** What lies in both of two lists of open hosts and ports. */
export const intersectEgress = (
  asked: readonly HostPort[],
  open: readonly HostPort[],
): readonly HostPort[] =>
  asked.flatMap((one) =>
    narrowEgress([one], {
      mode: "whitelist",
      allowed_domains: open.filter(({ port }) => port === one.port).map(({ host }) => host),
    }),
  );

/** What a run asks for, less what a policy leaves closed; absent `open` means that there is none. */
export const egressWithin = (
  asked: RunRequest["egress"],
  open: readonly HostPort[] | undefined,
): "settings" | readonly HostPort[] => {
  if (asked === "none") return [];
  if (open === undefined) return asked;
  return asked === "settings" ? open : intersectEgress(asked, open);
};

/** What the settings allow of `host:port` texts, as a request says it: `none` when nothing is left. */
export const egressOf = (asked: readonly string[], network: Network): RunRequest["egress"] => {
  const wanted = asked.map((text) => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
  });
  const open = narrowEgress(wanted, network);
  return open.length === 0 ? "none" : open;
};

/** Why what a request wants of the network is beyond the settings; undefined when it is not. */
export const egressProblem = (
  { egress, credentials }: Pick<RunRequest, "egress" | "credentials">,
  network: Network,
): string | undefined => {
  if (typeof egress !== "string") {
    for (const wanted of egress) {
      const [left] = narrowEgress([wanted], network);
      if (left?.host !== wanted.host) {
        return `${wanted.host}:${wanted.port} is not open under openshell.network`;
      }
    }
  }
  for (const { name, secret, host } of credentials) {
    if (!/^[\x20-\x7e]+$/.test(secret)) return `the secret ${name} is not one line of plain text`;
    const hosts =
      typeof egress === "string"
        ? egress === "settings" && network.mode !== "off"
          ? (network.allowed_domains ?? [])
          : []
        : egress.map((open) => open.host);
    if (!hosts.some((open) => isWithin(host, open))) {
      return `the secret ${name} is for ${host}, which this run cannot reach`;
    }
  }
  return undefined;
};
