import type { SettingsPath } from "../../config/problem.ts";
import type { HostPort } from "../driver.ts";
import type { EndpointRules } from "../egress/rules.ts";
import type { Endpoint, PolicyDocument, PolicyRule } from "./document.ts";
import { noteEndpoint } from "./endpoint-notes.ts";
import type { Note } from "./finding.ts";
import { grantOf } from "./host-pattern.ts";
import { allowOf, denyOf, NO_REQUEST, scopeOf } from "./requests.ts";
import { mustPass, portsOf } from "./semantics.ts";

/** What a policy opens, in the words of the egress proxy. */
export interface OpenNetwork {
  /** Everything that may be connected to; host names as in `allowed_domains`. */
  readonly open: readonly HostPort[];
  /** What may be asked of those hosts whose requests the policy looks into. */
  readonly rules: readonly EndpointRules[];
}

/** Says what a policy opens. What cannot be said stays closed, and is noted. */
export const openNetwork = (document: PolicyDocument, note: Note): OpenNetwork => {
  const open = new Map<string, HostPort>();
  const rules: EndpointRules[] = [];
  for (const [name, rule] of Object.entries(document.network_policies ?? {})) {
    const path = ["network_policies", name];
    if (!noteRule(rule, path, note)) continue;
    for (const [index, endpoint] of (rule.endpoints ?? []).entries()) {
      const at = [...path, "endpoints", index];
      const judged = judgeEndpoint(endpoint, { document, path: at, note });
      for (const hostPort of judged.open) {
        open.set(`${hostPort.host}:${hostPort.port}`, hostPort);
      }
      rules.push(...judged.rules);
    }
  }
  for (const name of Object.keys(document.network_middlewares ?? {})) {
    note(
      ["network_middlewares", name],
      "unenforceable",
      "Middlewares do not run here: endpoints that must pass one stay closed, those that may do without it are open.",
    );
  }
  return { open: [...open.values()], rules };
};

/** Whether a rule opens anything at all. */
const noteRule = ({ name, binaries = [] }: PolicyRule, path: SettingsPath, note: Note): boolean => {
  if (binaries.length === 0) {
    note(path, "enforced", "No program is named, so the rule opens nothing, in OpenShell as here.");
    return false;
  }
  if (name !== undefined) note([...path, "name"], "exported", "A name for logs.");
  note(
    [...path, "binaries"],
    "unenforceable",
    "Every program of a run may use these endpoints: the network is opened for a run, not for a program.",
  );
  return true;
};

interface Judging {
  readonly document: PolicyDocument;
  readonly path: SettingsPath;
  readonly note: Note;
}

const judgeEndpoint = (endpoint: Endpoint, judging: Judging): OpenNetwork => {
  const { path, note } = judging;
  const ports = portsOf(endpoint);
  const grant =
    endpoint.host === undefined
      ? ({ kind: "none", why: "only names are let through here" } as const)
      : grantOf(endpoint.host);
  const why = grant.kind === "none" ? grant.why : whyClosed(endpoint, judging.document);
  if (grant.kind === "none" || why !== undefined) {
    note(path, "unenforceable", `The endpoint stays closed: ${why}.`);
    const host =
      grant.kind === "none" ? ("around" in grant ? grant.around : undefined) : grant.host;
    // Another endpoint may open the same host uninspected; this one said to look into it.
    if (host === undefined || !isInspected(endpoint)) return { open: [], rules: [] };
    const deny = endpoint.protocol === "rest" ? denyOf(endpoint, path, () => {}) : [];
    return { open: [], rules: [{ host, ports, tls: "passthrough", allow: [NO_REQUEST], deny }] };
  }
  if (grant.kind === "same") {
    const unless = "private addresses only when openshell.hosts declares it internal";
    note([...path, "host"], "enforced", `The proxy lets this host through, ${unless}.`);
  } else {
    const depth = "Here the wildcard also stands for several labels: a.b as well as a.";
    note([...path, "host"], "unenforceable", depth);
  }
  noteEndpoint(endpoint, path, note);
  const { host } = grant;
  const open = ports.map((port) => ({ host, port }));
  if (!isInspected(endpoint)) return { open, rules: [] };
  const tls = endpoint.tls === "skip" ? "passthrough" : "terminate";
  const allow = allowOf(endpoint, path, note);
  return { open, rules: [{ host, ports, tls, allow, deny: denyOf(endpoint, path, note) }] };
};

const isInspected = ({ protocol }: Endpoint): boolean =>
  protocol !== undefined && protocol !== "tcp";

const whyClosed = (
  endpoint: Endpoint,
  { network_middlewares = {} }: PolicyDocument,
): string | undefined => {
  const { protocol } = endpoint;
  if (protocol === "tcp") return "the proxy carries HTTP and TLS only";
  if (protocol !== undefined && protocol !== "rest")
    return `the proxy does not look into ${protocol}`;
  if (protocol === "rest" && scopeOf(endpoint.path) === undefined) {
    return "only a path like /v1/** chooses between endpoints here";
  }
  const middleware = Object.entries(network_middlewares).find(([, entry]) =>
    mustPass(endpoint, entry),
  )?.[0];
  if (middleware === undefined) return undefined;
  return `its traffic must pass the middleware ${middleware}, which does not run here`;
};
