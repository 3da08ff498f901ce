import fc from "fast-check";
import type {
  Endpoint,
  Middleware,
  PolicyDocument,
  PolicyRule,
  RequestMatcher,
} from "../../../sandbox/policy-file/document.ts";

/** Values, some of them words that YAML readers disagree about. */
const word = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/),
  fc.constantFrom(
    "on",
    "0777",
    "null",
    "1.50",
    "12:30",
    "*",
    "- a",
    "a: b",
    "# c",
    "é中",
    "'",
    '"',
  ),
);
const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const name = fc.tuple(label, label, label).map((labels) => labels.join("."));
const pattern = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 1, arbitrary: name.map((host) => `*.${host}`) },
  { weight: 1, arbitrary: name.map((host) => `**.${host}`) },
  { weight: 1, arbitrary: name.map((host) => `api-*.${host}`) },
  { weight: 1, arbitrary: name.map((host) => `api.*.${host}`) },
);
const path = fc
  .array(fc.stringMatching(/^[a-zA-Z0-9_.-]{1,8}$/), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`)
  .filter((value) => !value.split("/").includes(".."));
const segment = fc.constantFrom("v1", "*", "**", "a*", "**x**", "[0-9]", "{a,b}", "?");
const glob = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join("/")}`);
const port = fc.oneof(fc.constantFrom(80, 443, 22), fc.integer({ min: 1, max: 65535 }));
const some = <Value>(values: fc.Arbitrary<Value>, maxLength = 3) =>
  fc.array(values, { minLength: 1, maxLength });
const bytes = fc.integer({ min: 1, max: 4_294_967_295 });

/** An object of which each key may be absent. */
const partly = <Shape>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }) =>
  fc.record(shape, { requiredKeys: [] });

const matcher = fc.oneof(
  word,
  some(word).map((any) => ({ any })),
);
const query = fc.dictionary(word, matcher, { maxKeys: 2 });
const method = fc.constantFrom("GET", "POST", "*", "delete");

const http = fc.record({ method, path: glob, query }, { requiredKeys: ["method", "path"] });
const operation = fc.record(
  {
    operation_type: fc.constantFrom("query" as const, "mutation" as const, "subscription" as const),
    operation_name: word,
    fields: some(word),
  },
  { requiredKeys: ["operation_type"] },
);
const tool = fc.record(
  { method: fc.constant("tools/call"), tool: matcher, params: fc.record({ name: matcher }) },
  { requiredKeys: ["method"] },
);
const call = fc.record({ method: fc.stringMatching(/^[a-z]{1,6}\.[a-z]{1,6}$/) });

const WORDS: Readonly<Record<string, fc.Arbitrary<RequestMatcher>>> = {
  rest: http,
  websocket: fc.oneof(http, operation),
  graphql: operation,
  mcp: tool,
  "json-rpc": call,
};

const destination = fc
  .record({
    host: pattern,
    at: fc.oneof(
      port.map((one) => ({ port: one })),
      some(port).map((ports) => ({ ports })),
    ),
  })
  .map(({ host, at }) => ({ host, ...at }));

const credentials = partly<Partial<Endpoint>>({
  allow_encoded_slash: fc.boolean(),
  websocket_credential_rewrite: fc.boolean(),
  allow_uninspected_credentials: fc.boolean(),
  credential_binding: fc.record({ provider: word }),
});

const inspected = (protocol: "rest" | "websocket" | "graphql" | "mcp" | "json-rpc") => {
  const request = WORDS[protocol] ?? http;
  const rules = some(request.map((allow) => ({ allow })));
  const access = fc.constantFrom("full" as const, "read-only" as const, "read-write" as const);
  const isRpc = protocol === "mcp" || protocol === "json-rpc";
  const base: fc.Arbitrary<Partial<Endpoint>> = isRpc
    ? rules.map((value) => ({ rules: value }))
    : fc.oneof(
        rules.map((value) => ({ rules: value })),
        access.map((value) => ({ access: value })),
      );
  return fc
    .tuple(
      destination,
      base,
      credentials,
      partly<Partial<Endpoint>>({
        path: fc.constantFrom("/**", "**", "/v1/**", "/v1", "/v*/**"),
        enforcement: fc.constantFrom("enforce" as const, "audit" as const),
        deny_rules: some(request),
        ...(protocol === "graphql" && {
          persisted_queries: fc.constantFrom("deny" as const, "allow_registered" as const),
          graphql_persisted_queries: fc.dictionary(word, operation, { maxKeys: 2 }),
          graphql_max_body_bytes: bytes,
        }),
        ...(protocol === "mcp" && {
          mcp: partly<NonNullable<Endpoint["mcp"]>>({
            versions: fc.constant(["2025-11-25" as const]),
            max_body_bytes: bytes,
            strict_tool_names: fc.boolean(),
          }),
        }),
        ...(protocol === "json-rpc" && { json_rpc: fc.record({ max_body_bytes: bytes }) }),
      }),
    )
    .map(
      ([where, allow, secrets, more]): Endpoint => ({
        ...where,
        protocol,
        ...allow,
        ...secrets,
        ...more,
      }),
    );
};

const plain = fc
  .tuple(
    destination,
    credentials,
    partly<Partial<Endpoint>>({
      enforcement: fc.constantFrom("enforce" as const, "audit" as const),
      access: fc.constant("full" as const),
    }),
  )
  .map(([where, secrets, more]): Endpoint => ({ ...where, ...secrets, ...more }));
const native = destination.map((where): Endpoint => ({ ...where, protocol: "tcp" }));
const hostless = fc
  .record({ port, allowed_ips: some(fc.constantFrom("10.0.0.0/8", "10.1.2.3")) })
  .map((value): Endpoint => value);

const endpoint = fc.oneof(
  plain,
  native,
  hostless,
  inspected("rest"),
  inspected("rest"),
  inspected("websocket"),
  inspected("graphql"),
  inspected("mcp"),
  inspected("json-rpc"),
);

const binaries = fc.array(
  path.map((value) => ({ path: value })),
  { maxLength: 2 },
);
const rule = partly<PolicyRule>({
  name: word,
  endpoints: fc.array(endpoint, { maxLength: 3 }),
  binaries,
});

const middleware = fc.record<Middleware>(
  {
    middleware: word,
    name: word,
    order: fc.integer({ min: -1000, max: 1000 }),
    config: fc.dictionary(word, fc.oneof(word, fc.boolean(), fc.nat()), { maxKeys: 2 }),
    on_error: fc.constantFrom("fail_closed" as const, "fail_open" as const),
    endpoints: fc.record({ include: some(pattern), exclude: some(pattern) }),
  },
  { requiredKeys: ["middleware", "order", "endpoints"] },
);

const identity = fc.oneof(
  fc.constant("sandbox"),
  fc.integer({ min: 1, max: 4_294_967_294 }).map(String),
);

/** Policies that OpenShell would take, with every field that they can have. */
export const policies: fc.Arbitrary<PolicyDocument> = fc
  .record<PolicyDocument>(
    {
      version: fc.constant(1),
      filesystem_policy: partly<NonNullable<PolicyDocument["filesystem_policy"]>>({
        include_workdir: fc.boolean(),
        read_only: fc.array(fc.oneof(path, fc.constantFrom("/usr", "/etc", "/dev/urandom"))),
        read_write: fc.array(fc.oneof(path, fc.constantFrom("/tmp", "/dev/null", "/sandbox/"))),
      }),
      landlock: partly<NonNullable<PolicyDocument["landlock"]>>({
        compatibility: fc.constantFrom("best_effort" as const, "hard_requirement" as const),
      }),
      process: partly<NonNullable<PolicyDocument["process"]>>({
        run_as_user: identity,
        run_as_group: identity,
      }),
      network_policies: fc.dictionary(word, rule, { maxKeys: 4 }),
      network_middlewares: fc
        .uniqueArray(middleware, { maxLength: 3, selector: ({ order }) => order })
        .map((all) => Object.fromEntries(all.map((one, index) => [`m${index}`, one]))),
    },
    { requiredKeys: ["version"] },
  )
  .map((document) => structuredClone(document));
