import { isIP } from "node:net";
import type { HostPort } from "../driver.ts";
import type { HostSettings, OpenshellSettings } from "../policy.ts";
import { within } from "../within.ts";
import { isPublicAddress } from "./addresses.ts";
import { foldHost, foldPattern, matchesHost } from "./host-name.ts";
import { type EndpointRules, endpointsFor } from "./rules.ts";

/** Where a request may go: the name that was asked for, and the addresses that it was judged by. */
export interface Destination {
  readonly host: string;
  /** As asked for. */
  readonly port: number;
  /** Which of the settings lets it through. */
  readonly rule: string;
  readonly addresses: readonly string[];
  readonly dialPort: number;
  /** Declared as one of the company's own. */
  readonly isInternal: boolean;
  /** The rules about requests to it. */
  readonly endpoints: readonly EndpointRules[];
}

export type Ruling =
  | { readonly ok: true; readonly destination: Destination }
  | { readonly ok: false; readonly status: 403 | 502 | 504; readonly rule: string };

/** The part of a run that narrows what the settings allow. */
export interface Reach {
  readonly tenantId: string;
  readonly only: "settings" | readonly HostPort[];
}

export interface DestinationOptions {
  readonly network: OpenshellSettings["network"];
  readonly hosts: OpenshellSettings["hosts"];
  /** All addresses of a name; rejects when there are none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly resolveTimeoutMs: number;
  readonly rules: (tenantId: string) => readonly EndpointRules[];
}

/** Judges where requests want to go: by name and port first, then by every address of the name. */
export const createDestinations = (options: DestinationOptions) => {
  const { mode, allowed_domains = [], blocked_ports = [] } = options.network;
  const allowed = mode === "off" ? [] : allowed_domains.flatMap((each) => foldPattern(each) ?? []);
  const hosts = new Map<string, HostSettings>();
  for (const [name, settings] of Object.entries(options.hosts ?? {})) {
    const host = foldHost(name);
    if (host.kind === "name") hosts.set(host.name, settings);
  }

  /** Why name and port alone are refused; undefined when they are not. */
  const nameProblem = (host: string, port: number, { only }: Reach): string | undefined => {
    if (blocked_ports.includes(port)) return `port ${port} is in openshell.network.blocked_ports`;
    if (!allowed.some((pattern) => matchesHost(pattern, host))) {
      return "the host is not in openshell.network.allowed_domains";
    }
    const isOpen = (open: HostPort) =>
      open.port === port && matchesHost(foldPattern(open.host) ?? "", host);
    if (only !== "settings" && !only.some(isOpen)) return "this run did not ask for host and port";
    return undefined;
  };

  const addressesOf = async (host: string, settings: HostSettings): Promise<readonly string[]> => {
    const { address = host } = settings;
    if (isIP(address) !== 0) return [address];
    const late = new TimeoutError("too late");
    return within(options.resolve(address), options.resolveTimeoutMs, late);
  };

  return {
    /** The allowed names that are no patterns. */
    names: allowed.filter((pattern) => !pattern.startsWith("*.")),

    async judge(host: string, port: number, reach: Reach): Promise<Ruling> {
      const problem = nameProblem(host, port, reach);
      if (problem !== undefined) return { ok: false, status: 403, rule: problem };
      const settings = hosts.get(host) ?? {};
      const isInternal = settings.internal === true;
      const addresses = await addressesOf(host, settings).catch((error: unknown) =>
        error instanceof TimeoutError ? ("late" as const) : [],
      );
      if (addresses === "late") {
        return { ok: false, status: 504, rule: "the name was not resolved in time" };
      }
      if (addresses.length === 0) {
        return { ok: false, status: 502, rule: "the name does not resolve" };
      }
      // One bad address is enough: nobody may choose among them by asking often.
      if (!isInternal && !addresses.every(isPublicAddress)) {
        return {
          ok: false,
          status: 403,
          rule: "the name leads to an address that is not public; openshell.hosts may declare it internal",
        };
      }
      return {
        ok: true,
        destination: {
          host,
          port,
          rule: "openshell.network.allowed_domains",
          addresses,
          dialPort: settings.port_map?.[String(port)] ?? port,
          isInternal,
          endpoints: endpointsFor(options.rules(reach.tenantId), host, port),
        },
      };
    },
  };
};

export type Destinations = ReturnType<typeof createDestinations>;

class TimeoutError extends Error {}
