import { isIP } from "node:net";
import type { SettingsPath } from "../../config/problem.ts";
import type { Endpoint, Middleware, PolicyDocument, RequestMatcher } from "./document.ts";
import { hostProblem, mayMeet } from "./host-pattern.ts";

/** Takes down what is wrong at a place. */
export type Refuse = (path: SettingsPath, found: string, expected: string) => void;

const MAX_PATHS = 256;
const MAX_MIDDLEWARES = 10;
const MAX_PATTERNS = 32;

/**
 * Checks what the fields of a policy mean together, as OpenShell does when it takes one.
 * @see https://docs.nvidia.com/openshell/v0.1.3/how-it-works/policies/schema
 */
export const checkSemantics = (document: PolicyDocument, refuse: Refuse): void => {
  const { read_only = [], read_write = [] } = document.filesystem_policy ?? {};
  if (read_only.length + read_write.length > MAX_PATHS) {
    const found = `${read_only.length + read_write.length} paths`;
    refuse(["filesystem_policy"], found, `at most ${MAX_PATHS}`);
  }
  const seen: Placed[] = [];
  const twins = new Map<string, Placed>();
  for (const [name, { endpoints = [] }] of Object.entries(document.network_policies ?? {})) {
    for (const [index, endpoint] of endpoints.entries()) {
      const path = ["network_policies", name, "endpoints", index];
      checkEndpoint(endpoint, path, refuse);
      checkTwins({ endpoint, path }, twins, refuse);
      seen.push({ endpoint, path });
    }
  }
  checkMiddlewares(document.network_middlewares ?? {}, seen, refuse);
};

interface Placed {
  readonly endpoint: Endpoint;
  readonly path: SettingsPath;
}

const checkEndpoint = (endpoint: Endpoint, path: SettingsPath, refuse: Refuse): void => {
  const { host, port, ports, protocol, credential_signing, signing_service } = endpoint;
  if (host === undefined) {
    if (protocol === "tcp" || endpoint.allowed_ips === undefined) {
      const unless = protocol === "tcp" ? "" : ", unless allowed_ips says which addresses";
      refuse([...path, "host"], "nothing", `a host name${unless}`);
    }
  } else {
    const expected =
      protocol === "tcp" && isIP(host) !== 0 ? "a name with protocol tcp" : hostProblem(host);
    if (expected !== undefined) refuse([...path, "host"], JSON.stringify(host), expected);
  }
  if (port === undefined && ports === undefined) refuse([...path, "port"], "nothing", "a port");
  if (port !== undefined && ports !== undefined) {
    refuse([...path, "ports"], "port and ports", "one of them");
  }
  if (credential_signing !== undefined) {
    if (signing_service === undefined) {
      refuse([...path, "signing_service"], "nothing", "the service that credential_signing is for");
    }
    if (endpoint.request_body_credential_rewrite) {
      const found = "credential_signing and request_body_credential_rewrite";
      refuse([...path, "credential_signing"], found, "one of them");
    }
  }
  if (endpoint.mcp !== undefined && protocol !== "mcp") {
    refuse([...path, "mcp"], `mcp with protocol ${protocol ?? "absent"}`, "protocol: mcp");
  }
  checkInspection(endpoint, path, refuse);
};

// What only an inspected request can have; a native connection has no requests.
const REQUEST_FIELDS = [
  "path",
  "enforcement",
  "access",
  "rules",
  "deny_rules",
  "allow_encoded_slash",
  "websocket_credential_rewrite",
  "request_body_credential_rewrite",
  "credential_signing",
  "persisted_queries",
  "graphql_persisted_queries",
  "graphql_max_body_bytes",
  "json_rpc",
] as const satisfies readonly (keyof Endpoint)[];

const checkInspection = (endpoint: Endpoint, path: SettingsPath, refuse: Refuse): void => {
  const { protocol, access, rules, deny_rules, mcp } = endpoint;
  const allowsAll = mcp?.allow_all_known_mcp_methods === true;
  if (access !== undefined && rules !== undefined) {
    refuse([...path, "access"], "access and rules", "one of them");
  }
  if (protocol === "tcp") {
    for (const field of REQUEST_FIELDS) {
      if (endpoint[field] !== undefined) {
        refuse([...path, field], `${field} with protocol tcp`, "no word about requests");
      }
    }
    return;
  }
  if (protocol === "mcp" || protocol === "json-rpc") {
    if (access !== undefined) {
      refuse([...path, "access"], `access with protocol ${protocol}`, "rules");
    } else if (rules === undefined && !allowsAll) {
      const or = protocol === "mcp" ? ", or mcp.allow_all_known_mcp_methods: true" : "";
      refuse([...path, "rules"], "nothing", `rules${or}`);
    }
  } else if (protocol !== undefined && access === undefined && rules === undefined) {
    refuse([...path, "rules"], "nothing", `rules or access: protocol ${protocol} allows nothing`);
  }
  if (deny_rules !== undefined && protocol === undefined) {
    refuse([...path, "deny_rules"], "deny_rules without protocol", "the protocol they are about");
  }
  for (const [index, { allow }] of (rules ?? []).entries()) {
    checkWords(allow, endpoint, [...path, "rules", index, "allow"], refuse);
  }
  for (const [index, deny] of (deny_rules ?? []).entries()) {
    checkWords(deny, endpoint, [...path, "deny_rules", index], refuse);
  }
};

const HTTP_WORDS = ["method", "path", "query"] as const;
const GRAPHQL_WORDS = ["operation_type", "operation_name", "fields"] as const;
const WORDS: Readonly<Record<string, readonly (keyof RequestMatcher)[]>> = {
  rest: HTTP_WORDS,
  websocket: [...HTTP_WORDS, ...GRAPHQL_WORDS],
  graphql: GRAPHQL_WORDS,
  mcp: ["method", "tool", "params"],
  "json-rpc": ["method"],
};

const checkWords = (
  rule: RequestMatcher,
  { protocol, mcp }: Endpoint,
  path: SettingsPath,
  refuse: Refuse,
): void => {
  // Without a protocol nothing looks at the rules, so nothing says what belongs into them.
  const known = protocol === undefined ? undefined : WORDS[protocol];
  if (known === undefined) return;
  for (const word of Object.keys(rule)) {
    if (!known.some((name) => name === word)) {
      const expected = `with protocol ${protocol}: ${known.join(", ")}`;
      refuse([...path, word], `${word}, which this protocol has not`, expected);
    }
  }
  const need = (...words: readonly (keyof RequestMatcher)[]) => {
    for (const word of words) {
      if (rule[word] === undefined) refuse([...path, word], "nothing", word);
    }
  };
  const isOperation = GRAPHQL_WORDS.some((word) => rule[word] !== undefined);
  if (protocol === "rest") need("method", "path");
  if (protocol === "graphql") need("operation_type");
  if (protocol === "json-rpc") {
    need("method");
    if (rule.method !== "*" && /[*?[\]{}]/.test(rule.method ?? "")) {
      refuse([...path, "method"], JSON.stringify(rule.method), "an exact method, or * for all");
    }
  }
  if (protocol === "websocket") {
    if (isOperation && HTTP_WORDS.some((word) => rule[word] !== undefined)) {
      refuse(path, "words about the upgrade and about an operation", "two rules");
    } else if (isOperation) need("operation_type");
    else need("method", "path");
  }
  if (protocol === "mcp") checkMcpWords(rule, mcp?.allow_all_known_mcp_methods, path, refuse);
};

const checkMcpWords = (
  { method, tool, params }: RequestMatcher,
  allowsAll: boolean | undefined,
  path: SettingsPath,
  refuse: Refuse,
): void => {
  const isAboutTool = tool !== undefined || params?.name !== undefined;
  if (method === undefined) {
    if (!allowsAll) refuse([...path, "method"], "nothing", "a method, e.g. tools/call");
    return;
  }
  if (/[*?]/.test(method) && !method.startsWith("tools/")) {
    refuse([...path, "method"], JSON.stringify(method), "a method; globs only after tools/");
  }
  if (isAboutTool && method !== "tools/call" && !allowsAll) {
    refuse([...path, "method"], JSON.stringify(method), "tools/call, which the tool is about");
  }
};

/** Endpoints of one host and port share a connection, so they must agree on what is done to it. */
const checkTwins = (
  { endpoint, path }: Placed,
  twins: Map<string, Placed>,
  refuse: Refuse,
): void => {
  if (endpoint.host === undefined) return;
  const places = portsOf(endpoint).map((port) => `${endpoint.host?.toLowerCase()}:${port}`);
  const twin = places.map((place) => twins.get(place)).find((other) => other !== undefined);
  for (const place of places) twins.set(place, { endpoint, path });
  if (twin === undefined) return;
  for (const field of ["tls", "allowed_ips"] as const) {
    const [mine, theirs] = [endpoint[field], twin.endpoint[field]].map((value) =>
      JSON.stringify(isDeprecated(value) ? undefined : value),
    );
    if (mine !== theirs) {
      const found = `${field} ${mine ?? "absent"}, and ${theirs ?? "absent"} at the same host and port`;
      refuse([...path, field], found, "the same at both");
    }
  }
};

const isDeprecated = (value: unknown): boolean => value === "terminate" || value === "passthrough";

/** The ports of an endpoint, whichever of the two ways they are written in. */
export const portsOf = ({ port, ports }: Endpoint): readonly number[] =>
  ports ?? (port === undefined ? [] : [port]);

const checkMiddlewares = (
  middlewares: Readonly<Record<string, Middleware>>,
  endpoints: readonly Placed[],
  refuse: Refuse,
): void => {
  const names = Object.keys(middlewares);
  if (names.length > MAX_MIDDLEWARES) {
    refuse(["network_middlewares"], `${names.length} entries`, `at most ${MAX_MIDDLEWARES}`);
  }
  const orders = new Map<number, string>();
  for (const [name, middleware] of Object.entries(middlewares)) {
    const path = ["network_middlewares", name];
    const { order = 0, endpoints: selector } = middleware;
    const other = orders.get(order);
    if (other !== undefined) {
      refuse([...path, "order"], `${order}, as ${other} has`, "an order of its own");
    }
    orders.set(order, name);
    const patterns = [...selector.include, ...(selector.exclude ?? [])];
    if (patterns.length > MAX_PATTERNS) {
      refuse([...path, "endpoints"], `${patterns.length} patterns`, `at most ${MAX_PATTERNS}`);
    }
    const skipped = endpoints.find(
      ({ endpoint }) => endpoint.tls === "skip" && mustPass(endpoint, middleware),
    );
    if (skipped !== undefined) {
      const found = `a host with tls: skip (${skipped.endpoint.host})`;
      refuse([...path, "endpoints"], found, "on_error: fail_open, or another host");
    }
  }
};

/** Whether traffic to an endpoint may pass only after this middleware has seen it. */
export const mustPass = ({ host }: Endpoint, middleware: Middleware): boolean => {
  if (middleware.on_error === "fail_open" || host === undefined) return false;
  const { include, exclude = [] } = middleware.endpoints;
  const isExcluded = exclude.some((pattern) => pattern.toLowerCase() === host.toLowerCase());
  return !isExcluded && include.some((pattern) => mayMeet(pattern, host));
};
