import type { HostPort } from "../driver.ts";
import { type EndpointRules, endpointsFor, type RequestRule } from "../egress/rules.ts";
import { narrowEgress } from "../grants.ts";
import type { OpenshellSettings } from "../policy.ts";
import type { Finding } from "./finding.ts";
import type { Interpretation } from "./interpret.ts";

/** Says in words what a policy lets a run do, and what of it is not held here. */
export const explainPolicy = (policy: Interpretation): readonly string[] => [
  ...explainFolders(policy.settings.filesystem),
  ...explainNetwork(policy.open, policy.rules),
  ...explainFindings(policy.findings),
];

/** Says in words what settings let a run do; `policy` is the file that `openshell.policy_file` names. */
export const explainSettings = (
  settings: OpenshellSettings,
  policy?: Interpretation,
): readonly string[] => {
  const { network, execution, filesystem } = settings;
  const { max_cpu_seconds, max_memory_mb, allowed_languages, blocked_commands = [] } = execution;
  const open = policy && narrowEgress(policy.open, network);
  const domains = network.mode === "off" ? [] : (network.allowed_domains ?? []);
  return [
    `runs: ${orNothing(allowed_languages)}, isolated by ${settings.isolation}`,
    `takes: ${max_cpu_seconds} CPU seconds, ${max_memory_mb} MiB of memory, ${filesystem.max_size_gb} GiB of disk`,
    ...explainFolders(filesystem),
    ...(open === undefined
      ? [`reaches: ${orNothing(domains)}`]
      : explainNetwork(open, policy?.rules ?? [])),
    ...(network.blocked_ports?.length
      ? [`never reaches port: ${network.blocked_ports.join(", ")}`]
      : []),
    ...(network.egress_bandwidth_mbps === undefined
      ? []
      : [`sends and receives at most ${network.egress_bandwidth_mbps} Mbit/s`]),
    ...(blocked_commands.length > 0 ? [`is ended by: ${blocked_commands.join(", ")}`] : []),
    ...(policy === undefined ? [] : explainFindings(policy.findings)),
  ];
};

const explainFolders = (folders: Interpretation["settings"]["filesystem"]): readonly string[] => [
  `writes to: ${orNothing(folders.allowed_paths)} (empty at the start, gone after the run)`,
  `reads: ${orNothing(folders.readonly_paths)} and a small system of its own`,
];

const explainNetwork = (
  open: readonly HostPort[],
  rules: readonly EndpointRules[],
): readonly string[] => {
  if (open.length === 0) return ["reaches: nothing"];
  return open.flatMap(({ host, port }) => {
    const entries = endpointsFor(rules, host.replace(/^\*/, "any"), port);
    const line = `reaches: ${host}, port ${port}`;
    if (entries.length === 0) return [line];
    const allow = entries.flatMap((entry) => entry.allow).filter(({ method }) => method !== "");
    const isSealed = entries.some(({ tls }) => tls === "passthrough");
    return [
      `${line}, with requests judged one by one`,
      ...(allow.length === 0 ? ["  allows no request"] : []),
      ...allow.map((rule) => `  allows ${describe(rule)}`),
      ...entries.flatMap(({ deny }) => deny).map((rule) => `  refuses ${describe(rule)}`),
      ...(isSealed ? ["  refuses TLS, which may not be looked into"] : []),
    ];
  });
};

const describe = ({ method, path, query }: RequestRule): string => {
  const words = Object.entries(query).map(([name, globs]) => `${name} = ${globs.join(" or ")}`);
  const what = `${method === "*" ? "any method" : method} ${path === "**" ? "on any path" : path}`;
  return words.length === 0 ? what : `${what} with ${words.join(" and ")}`;
};

const explainFindings = (findings: readonly Finding[]): readonly string[] => {
  const open = findings.filter(({ status }) => status === "unenforceable");
  return open.length === 0
    ? ["holds all of this"]
    : ["not held as written:", ...open.map(({ path, why }) => `  ${path}: ${why}`)];
};

const orNothing = (words: readonly string[]): string =>
  words.length === 0 ? "nothing" : words.join(", ");
