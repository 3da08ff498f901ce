import type { HostPort } from "../driver.ts";
import { foldPattern } from "../egress/host-name.ts";
import { intersectEgress, narrowEgress } from "../grants.ts";
import type { OpenshellSettings } from "../policy.ts";
import type { Endpoint, PolicyDocument, PolicyRule } from "./document.ts";
import { exportFilesystem } from "./export-filesystem.ts";
import { createFindings, type Finding, type Note } from "./finding.ts";
import { grantOf } from "./host-pattern.ts";
import { interpret } from "./interpret.ts";
import { noteLimits } from "./limit-notes.ts";
import { openNetwork } from "./network.ts";
import { portsOf } from "./semantics.ts";

/** A policy that says what settings say, as far as OpenShell has the words. */
export interface ExportedPolicy {
  readonly document: PolicyDocument;
  /** What becomes of each of our keys. */
  readonly findings: readonly Finding[];
}

/** The rule that `allowed_domains` becomes. */
const RULE_NAME = "allowed_domains";
const DEFAULT_PORTS = [443, 80];

/**
 * Says in OpenShell's words what the settings allow. `document` is the policy that the settings
 * name: what they take away is taken out of it, everything else in it stays as it is written. With
 * `only`, which lies within the settings, nothing else is opened, whatever the document says.
 */
export const exportPolicy = (
  settings: OpenshellSettings,
  document?: PolicyDocument,
  only?: readonly HostPort[],
): ExportedPolicy => {
  const { findings, note } = createFindings();
  const base: PolicyDocument = document ?? {
    version: 1,
    landlock: { compatibility: settings.strict ? "hard_requirement" : "best_effort" },
  };
  const rules =
    document === undefined
      ? rulesOf(settings, note, only)
      : narrowRules(document, settings, note, only);
  noteLimits(settings, note);
  const { filesystem_policy: _folders, network_policies: _rules, ...rest } = base;
  const filesystem = exportFilesystem(settings.filesystem, document, note);
  return {
    document: {
      ...rest,
      ...(filesystem !== undefined && { filesystem_policy: filesystem }),
      ...(rules !== undefined && { network_policies: rules }),
    },
    findings,
  };
};

type Rules = PolicyDocument["network_policies"];

const DOMAINS = ["openshell", "network", "allowed_domains"];

const rulesOf = (
  { network, execution }: OpenshellSettings,
  note: Note,
  only: readonly HostPort[] | undefined,
): Rules => {
  const { mode, allowed_domains = [], blocked_ports = [] } = network;
  if (mode === "off") return {};
  const usual = DEFAULT_PORTS.filter((port) => !blocked_ports.includes(port));
  const domains = only === undefined ? allowed_domains : new Set(only.map(({ host }) => host));
  const endpoints = [...domains].flatMap((domain, index): readonly Endpoint[] => {
    const ports = only?.filter(({ host }) => host === domain).map(({ port }) => port) ?? usual;
    if (ports.length === 0) return [];
    const host = domain.startsWith("*.") ? `**.${domain.slice(2)}` : domain;
    if (grantOf(host).kind !== "same" || (host !== domain && host.split(".").length < 3)) {
      const why = `${domain} has no form that OpenShell takes, so it is left out.`;
      note([...DOMAINS, index], "unenforceable", why);
      return [];
    }
    const why = `Opened at ${ports.join(" and ")}; OpenShell opens no port that is not listed.`;
    note([...DOMAINS, index], "approximated", why);
    return [{ host, ports: [...ports], enforcement: "enforce" }];
  });
  if (endpoints.length === 0) return {};
  const binaries = execution.allowed_languages.flatMap((language) => INTERPRETERS[language] ?? []);
  return { [RULE_NAME]: { endpoints, binaries: binaries.map((path) => ({ path })) } };
};

// A rule counts for what its programs start, too, so the interpreters stand for a whole run.
const INTERPRETERS: Readonly<Record<string, readonly string[]>> = {
  python: ["/usr/bin/python3*", "/usr/local/bin/python3*"],
  javascript: ["/usr/bin/node", "/usr/local/bin/node"],
  bash: ["/usr/bin/bash", "/bin/bash"],
};

const narrowRules = (
  document: PolicyDocument,
  { network }: OpenshellSettings,
  note: Note,
  only: readonly HostPort[] | undefined,
): Rules => {
  const { settings: imported, open } = interpret(document);
  for (const [index, domain] of (network.allowed_domains ?? []).entries()) {
    const folded = foldPattern(domain) ?? domain;
    const isOpen = narrowEgress(open, { mode: "whitelist", allowed_domains: [folded] }).length > 0;
    note(
      [...DOMAINS, index],
      isOpen ? "exported" : "approximated",
      isOpen
        ? "Opened by the policy."
        : "Not opened by the policy, so no run reaches it; the export does not open it either.",
    );
  }
  if (document.network_policies === undefined) return undefined;
  const wasSwitchedOff = network.mode === "off" && imported.network.mode !== "off";
  return Object.fromEntries(
    Object.entries(document.network_policies).flatMap(([name, rule]): [string, PolicyRule][] => {
      if (rule.endpoints === undefined) return [[name, rule]];
      const endpoints = wasSwitchedOff
        ? []
        : rule.endpoints.flatMap((endpoint) =>
            narrowEndpoint(endpoint, { document, binaries: rule.binaries, network, only }),
          );
      const isGone = endpoints.length === 0 && rule.endpoints.length > 0;
      return isGone ? [] : [[name, { ...rule, endpoints: endpoints.map(enforced) }]];
    }),
  );
};

interface Narrowing {
  readonly document: PolicyDocument;
  readonly binaries: PolicyRule["binaries"];
  readonly network: OpenshellSettings["network"];
  readonly only: readonly HostPort[] | undefined;
}

/**
 * What the settings leave of an endpoint. One that stays closed here is none of their business, unless
 * it is said what alone may be open.
 */
const narrowEndpoint = (
  endpoint: Endpoint,
  { document, binaries, network, only }: Narrowing,
): readonly Endpoint[] => {
  const alone: PolicyDocument = {
    ...document,
    network_policies: { alone: { endpoints: [endpoint], binaries } },
  };
  const { open } = openNetwork(alone, () => {});
  const [first] = open;
  if (first === undefined) return only === undefined ? [endpoint] : [];
  const allowed = narrowEgress(open, network);
  const left = only === undefined ? allowed : intersectEgress(allowed, only);
  if (left.length === open.length && left.every(({ host }) => host === first.host)) {
    return [endpoint];
  }
  const hosts = [...new Set(left.map(({ host }) => host))];
  return hosts.map((host) => {
    const { port: _port, ports: _ports, ...rest } = endpoint;
    const ports = portsOf(endpoint).filter((port) =>
      left.some((open) => open.host === host && open.port === port),
    );
    const [only] = ports;
    const isSame = host === first.host;
    return {
      ...rest,
      host: isSame ? endpoint.host : host.replace(/^\*\./, "**."),
      ...(ports.length === 1 && only !== undefined ? { port: only } : { ports }),
    };
  });
};

/** Here every rule is enforced, so the export says so; a native connection has no such word. */
const enforced = (endpoint: Endpoint): Endpoint =>
  endpoint.protocol === "tcp" ? endpoint : { ...endpoint, enforcement: "enforce" };
