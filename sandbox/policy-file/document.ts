import { z } from "zod";

/** What each check says it wants; shown to whoever wrote the policy. */
const wanted = (label: string, test: (value: string) => boolean) =>
  z.string({ error: label }).refine(test, { error: label });

const text = (label = "text that is not empty") => wanted(label, (value) => value.trim() !== "");
const flag = () => z.boolean({ error: "true or false" });
const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, { error: `one of ${values.join(", ")}` });
const list = <Item extends z.ZodType>(item: Item, label: string) => z.array(item, { error: label });
const bytes = () =>
  z.int({ error: "a number of bytes, 1 to 4294967295" }).min(1).max(4_294_967_295);

const MAX_PATH_BYTES = 4096;
const path = () =>
  wanted("an absolute path without .. and at most 4096 bytes", (value) => {
    if (!value.startsWith("/") || /[\0\n]/.test(value)) return false;
    return !value.split("/").includes("..") && Buffer.byteLength(value) <= MAX_PATH_BYTES;
  });

const filesystemSchema = z.strictObject({
  include_workdir: flag().optional(),
  read_only: list(path(), "a list of paths").optional(),
  read_write: list(
    path().refine((value) => /[^/]/.test(value), { error: "a folder below the root" }),
    "a list of paths",
  ).optional(),
});

const landlockSchema = z.strictObject({
  compatibility: oneOf("best_effort", "hard_requirement").optional(),
});

const MAX_ID = 4_294_967_294;
const identity = () =>
  wanted(
    `"sandbox" or a numeric id in quotes, "1" to "${MAX_ID}"`,
    (value) =>
      value === "sandbox" ||
      (/^[1-9][0-9]{0,9}$/.test(value) && Number(value) >= 1 && Number(value) <= MAX_ID),
  );

const processSchema = z.strictObject({
  run_as_user: identity().optional(),
  run_as_group: identity().optional(),
});

const matcherSchema = z.union(
  [
    text("a glob"),
    z.strictObject({ any: list(text("a glob"), "a list of globs").min(1, "one glob or more") }),
  ],
  { error: "a glob, or { any: [globs] }" },
);

const operationType = () => oneOf("query", "mutation", "subscription");

/** The words of one rule; which of them may stand together depends on the endpoint's protocol. */
const requestSchema = z.strictObject({
  method: text().optional(),
  path: text().optional(),
  query: z.record(z.string(), matcherSchema, { error: "globs by parameter name" }).optional(),
  operation_type: operationType().optional(),
  operation_name: text().optional(),
  fields: list(text("a glob"), "a list of globs").optional(),
  tool: matcherSchema.optional(),
  params: z.strictObject({ name: matcherSchema.optional() }).optional(),
});

const persistedQuerySchema = z.strictObject({
  operation_type: operationType(),
  operation_name: text().optional(),
  fields: list(text(), "a list of field names").optional(),
});

const MCP_VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;

const mcpSchema = z.strictObject({
  versions: list(oneOf(...MCP_VERSIONS), "a list of versions in quotes")
    .min(1, "one version or more")
    .optional(),
  max_body_bytes: bytes().optional(),
  strict_tool_names: flag().optional(),
  allow_all_known_mcp_methods: flag().optional(),
});

const port = () => z.int({ error: "a port, 1 to 65535" }).min(1).max(65_535);

const endpointSchema = z.strictObject({
  host: text().optional(),
  port: port().optional(),
  ports: list(port(), "a list of ports").min(1, "one port or more").optional(),
  path: wanted("a glob that begins with /, or **", (value) => /^(\/|\*\*$)/.test(value)).optional(),
  protocol: oneOf("tcp", "rest", "websocket", "graphql", "mcp", "json-rpc").optional(),
  tls: oneOf("skip", "terminate", "passthrough").optional(),
  enforcement: oneOf("enforce", "audit").optional(),
  access: oneOf("read-only", "read-write", "full").optional(),
  rules: list(z.strictObject({ allow: requestSchema }), "a list of rules")
    .min(1, "one rule or more; access: full allows everything")
    .optional(),
  deny_rules: list(requestSchema, "a list of rules")
    .min(1, "one rule or more, or no deny_rules")
    .optional(),
  allowed_ips: list(text("an address or a range"), "a list of addresses and ranges").optional(),
  allow_encoded_slash: flag().optional(),
  websocket_credential_rewrite: flag().optional(),
  request_body_credential_rewrite: flag().optional(),
  allow_uninspected_credentials: flag().optional(),
  credential_signing: oneOf("sigv4", "sigv4:body", "sigv4:no_body").optional(),
  signing_service: text().optional(),
  signing_region: text().optional(),
  credential_binding: z.strictObject({ provider: text() }).optional(),
  persisted_queries: oneOf("deny", "allow_registered").optional(),
  graphql_persisted_queries: z.record(z.string(), persistedQuerySchema).optional(),
  graphql_max_body_bytes: bytes().optional(),
  json_rpc: z.strictObject({ max_body_bytes: bytes().optional() }).optional(),
  mcp: mcpSchema.optional(),
});

const ruleSchema = z.strictObject({
  name: text().optional(),
  endpoints: list(endpointSchema, "a list of endpoints").optional(),
  binaries: list(
    // `harness` has had no meaning for long, and old policies still carry it.
    z.strictObject({ path: text("a path or a glob"), harness: flag().optional() }),
    "a list of { path }",
  ).optional(),
});

const json: z.ZodType<unknown> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(json), z.record(z.string(), json)], {
    error: "a value",
  }),
);

const patterns = () => list(text("a host pattern"), "a list of host patterns");

const middlewareSchema = z.strictObject({
  name: text().optional(),
  middleware: text(),
  order: z
    .int({ error: "a whole number" })
    .min(-(2 ** 31))
    .max(2 ** 31 - 1)
    .optional(),
  config: z.record(z.string(), json, { error: "keys and values" }).optional(),
  on_error: oneOf("fail_closed", "fail_open").optional(),
  endpoints: z.strictObject({
    include: patterns().min(1, "one host pattern or more"),
    exclude: patterns().optional(),
  }),
});

const RESERVED = "_provider_";
const ruleName = () =>
  wanted(
    `a name that does not begin with ${RESERVED}`,
    (value) => value !== "" && !value.startsWith(RESERVED),
  );

/**
 * An NVIDIA OpenShell sandbox policy, as a file holds it; what the fields mean together is checked
 * apart from it.
 * @see https://docs.nvidia.com/openshell/v0.1.3/how-it-works/policies/schema
 */
export const policySchema = z.strictObject({
  version: z.literal(1, { error: "1" }),
  filesystem_policy: filesystemSchema.optional(),
  landlock: landlockSchema.optional(),
  process: processSchema.optional(),
  network_policies: z.record(ruleName(), ruleSchema, { error: "rules by name" }).optional(),
  network_middlewares: z
    .record(text(), middlewareSchema, { error: "middlewares by name" })
    .optional(),
});

/** A policy whose fields are known and have their types. */
export type PolicyDocument = z.output<typeof policySchema>;
/** One entry of `network_policies`: who (`binaries`) may reach what (`endpoints`). */
export type PolicyRule = NonNullable<PolicyDocument["network_policies"]>[string];
/** A destination and what may be asked of it. */
export type Endpoint = NonNullable<PolicyRule["endpoints"]>[number];
/** What a request must look like for a rule to match; an absent word matches everything. */
export type RequestMatcher = NonNullable<Endpoint["deny_rules"]>[number];
/** One entry of `network_middlewares`. */
export type Middleware = NonNullable<PolicyDocument["network_middlewares"]>[string];
