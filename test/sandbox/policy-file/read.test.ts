import { describe, expect, it } from "vitest";
import { problemsOf, withEndpoints } from "./policy-text.ts";

const E0 = "network_policies.r.endpoints[0]";
const rest = (more: string) => withEndpoints(`{ host: a.example.com, port: 443, ${more} }`);

describe("a policy that is refused", () => {
  it("names an unknown key, what is known there and the nearest name", () => {
    expect(problemsOf("version: 1\nnetwork_policy: {}")).toEqual([
      "line 2: network_policy: found an unknown key, expected network_policies (did you mean it?) or version, filesystem_policy, landlock, process, network_policies, network_middlewares",
    ]);
    expect(problemsOf(rest("enforcment: enforce"))[0]).toMatch(
      /^line 5: network_policies\.r\.endpoints\[0\]\.enforcment: found an unknown key, expected enforcement \(did you mean it\?\) or host, port, ports,/,
    );
    expect(problemsOf("version: 1\nlandlock: { xyzzy: 1 }")).toEqual([
      "line 2: landlock.xyzzy: found an unknown key, expected one of compatibility",
    ]);
  });

  it("says what to do with a NemoClaw preset", () => {
    const text = "preset: { name: pypi }\nnetwork_policies: {}";
    expect(problemsOf(text).join("\n")).toContain(
      "this is a NemoClaw preset: put its network_policies into a policy",
    );
  });

  it("says everything that is wrong at once, in the order of the file", () => {
    const text = "version: 2\nlandlock: { compatibility: maybe }\nprocess: { run_as_user: root }";
    expect(problemsOf(text)).toEqual([
      "line 1: version: found 2, expected 1",
      'line 2: landlock.compatibility: found "maybe", expected one of best_effort, hard_requirement',
      'line 3: process.run_as_user: found "root", expected "sandbox" or a numeric id in quotes, "1" to "4294967294"',
    ]);
  });

  it.each([
    ["a list instead of a policy", "- a", "policy: found a list, expected a policy: version: 1 …"],
    ["no version", "landlock: {}", "version: found nothing, expected 1"],
    ["a version in quotes", 'version: "1"', 'version: found "1", expected 1'],
    [
      "a user id without quotes",
      "version: 1\nprocess: { run_as_user: 1500 }",
      'process.run_as_user: found 1500, expected "sandbox" or a numeric id in quotes, "1" to "4294967294"',
    ],
    [
      "root's id",
      'version: 1\nprocess: { run_as_group: "0" }',
      'process.run_as_group: found "0", expected "sandbox" or a numeric id in quotes, "1" to "4294967294"',
    ],
    [
      "a path that climbs",
      "version: 1\nfilesystem_policy: { read_only: [/app/../etc] }",
      'filesystem_policy.read_only[0]: found "/app/../etc", expected an absolute path without .. and at most 4096 bytes',
    ],
    [
      "a relative path",
      "version: 1\nfilesystem_policy: { read_only: [app] }",
      'filesystem_policy.read_only[0]: found "app", expected an absolute path without .. and at most 4096 bytes',
    ],
    [
      "a writable root",
      'version: 1\nfilesystem_policy: { read_write: ["//"] }',
      'filesystem_policy.read_write[0]: found "//", expected a folder below the root',
    ],
    [
      "a rule name that is reserved",
      "version: 1\nnetwork_policies: { _provider_x: {} }",
      "network_policies._provider_x: found a name of another form, expected a name that does not begin with _provider_",
    ],
    [
      "a missing host",
      withEndpoints("{ port: 443 }"),
      `${E0}.host: found nothing, expected a host name, unless allowed_ips says which addresses`,
    ],
    [
      "a missing port",
      withEndpoints("{ host: a.b }"),
      `${E0}.port: found nothing, expected a port`,
    ],
    [
      "two ways to say the port",
      rest("ports: [443]"),
      `${E0}.ports: found port and ports, expected one of them`,
    ],
    [
      "a port that is none",
      withEndpoints("{ host: a.b, port: 65536 }"),
      `${E0}.port: found 65536, expected `,
    ],
    [
      "a lone star",
      withEndpoints('{ host: "*", port: 1 }'),
      `${E0}.host: found "*", expected a wildcard with three labels or more, e.g. *.example.com`,
    ],
    [
      "a wildcard for a whole country",
      withEndpoints('{ host: "**.com", port: 1 }'),
      `${E0}.host: found "**.com", expected a wildcard with three labels or more, e.g. *.example.com`,
    ],
    [
      "a double star in company",
      withEndpoints('{ host: "a**.b.c", port: 1 }'),
      `${E0}.host: found "a**.b.c", expected ** as the whole first label only`,
    ],
    [
      "a later label in part",
      withEndpoints('{ host: "a.b*.c", port: 1 }'),
      `${E0}.host: found "a.b*.c", expected * as a whole label after the first one, and ** as the first one only`,
    ],
    [
      "a host that is none",
      withEndpoints('{ host: "a b", port: 1 }'),
      `${E0}.host: found "a b", expected a host name or an address`,
    ],
    [
      "an unknown protocol",
      rest("protocol: ftp"),
      `${E0}.protocol: found "ftp", expected one of tcp, rest, websocket, graphql, mcp, json-rpc`,
    ],
    [
      "access and rules",
      rest("protocol: rest, access: full, rules: [{ allow: { method: GET, path: / } }]"),
      `${E0}.access: found access and rules, expected one of them`,
    ],
    [
      "a protocol that allows nothing",
      rest("protocol: rest"),
      `${E0}.rules: found nothing, expected rules or access: protocol rest allows nothing`,
    ],
    [
      "empty rules",
      rest("protocol: rest, rules: []"),
      `${E0}.rules: found a list, expected one rule or more; access: full allows everything`,
    ],
    [
      "empty deny rules",
      rest("protocol: rest, access: full, deny_rules: []"),
      `${E0}.deny_rules: found a list, expected one rule or more, or no deny_rules`,
    ],
    [
      "deny rules without protocol",
      rest("access: full, deny_rules: [{ method: GET, path: / }]"),
      `${E0}.deny_rules: found deny_rules without protocol, expected the protocol they are about`,
    ],
    [
      "a rule without a path",
      rest("protocol: rest, rules: [{ allow: { method: GET } }]"),
      `${E0}.rules[0].allow.path: found nothing, expected path`,
    ],
    [
      "a word of another protocol",
      rest("protocol: rest, rules: [{ allow: { method: GET, path: /, tool: x } }]"),
      `${E0}.rules[0].allow.tool: found tool, which this protocol has not, expected with protocol rest: method, path, query`,
    ],
    [
      "a query that is no glob",
      rest("protocol: rest, rules: [{ allow: { method: GET, path: /, query: { a: [x] } } }]"),
      `${E0}.rules[0].allow.query.a: found a list, expected a glob, or { any: [globs] }`,
    ],
    [
      "requests of a native connection",
      rest("protocol: tcp, enforcement: enforce"),
      `${E0}.enforcement: found enforcement with protocol tcp, expected no word about requests`,
    ],
    [
      "an address with tcp",
      withEndpoints("{ host: 10.0.0.1, port: 1, protocol: tcp }"),
      `${E0}.host: found "10.0.0.1", expected a name with protocol tcp`,
    ],
    [
      "access to JSON-RPC",
      rest("protocol: json-rpc, access: full"),
      `${E0}.access: found access with protocol json-rpc, expected rules`,
    ],
    [
      "JSON-RPC without rules",
      rest("protocol: json-rpc"),
      `${E0}.rules: found nothing, expected rules`,
    ],
    [
      "a glob in JSON-RPC",
      rest('protocol: json-rpc, rules: [{ allow: { method: "a.*" } }]'),
      `${E0}.rules[0].allow.method: found "a.*", expected an exact method, or * for all`,
    ],
    [
      "MCP without rules",
      rest("protocol: mcp"),
      `${E0}.rules: found nothing, expected rules, or mcp.allow_all_known_mcp_methods: true`,
    ],
    [
      "every MCP method",
      rest('protocol: mcp, rules: [{ allow: { method: "*" } }]'),
      `${E0}.rules[0].allow.method: found "*", expected a method; globs only after tools/`,
    ],
    [
      "a tool of another method",
      rest("protocol: mcp, rules: [{ allow: { method: initialize, tool: x } }]"),
      `${E0}.rules[0].allow.method: found "initialize", expected tools/call, which the tool is about`,
    ],
    [
      "an MCP rule without method",
      rest("protocol: mcp, rules: [{ allow: { tool: x } }]"),
      `${E0}.rules[0].allow.method: found nothing, expected a method, e.g. tools/call`,
    ],
    [
      "MCP options elsewhere",
      rest("mcp: {}"),
      `${E0}.mcp: found mcp with protocol absent, expected protocol: mcp`,
    ],
    [
      "a GraphQL rule without type",
      rest("protocol: graphql, rules: [{ allow: { fields: [a] } }]"),
      `${E0}.rules[0].allow.operation_type: found nothing, expected operation_type`,
    ],
    [
      "a mixed WebSocket rule",
      rest(
        "protocol: websocket, rules: [{ allow: { method: GET, path: /, operation_type: query } }]",
      ),
      `${E0}.rules[0].allow: found words about the upgrade and about an operation, expected two rules`,
    ],
    [
      "signing without service",
      rest("credential_signing: sigv4"),
      `${E0}.signing_service: found nothing, expected the service that credential_signing is for`,
    ],
    [
      "signing what is rewritten",
      rest("credential_signing: sigv4, signing_service: s3, request_body_credential_rewrite: true"),
      `${E0}.credential_signing: found credential_signing and request_body_credential_rewrite, expected one of them`,
    ],
    [
      "twins that disagree",
      withEndpoints("{ host: a.b, port: 443, tls: skip }", "{ host: A.b, ports: [80, 443] }"),
      'network_policies.r.endpoints[1].tls: found tls absent, and "skip" at the same host and port, expected the same at both',
    ],
    [
      "middlewares of one order",
      "version: 1\nnetwork_middlewares:\n  a: { middleware: x, endpoints: { include: [a.b] } }\n  b: { middleware: x, endpoints: { include: [a.b] } }",
      "network_middlewares.b.order: found 0, as a has, expected an order of its own",
    ],
    [
      "a middleware that could not look",
      `${withEndpoints("{ host: a.b.c, port: 443, tls: skip }")}\nnetwork_middlewares: { m: { middleware: x, endpoints: { include: ["*.b.c"] } } }`,
      "network_middlewares.m.endpoints: found a host with tls: skip (a.b.c), expected on_error: fail_open, or another host",
    ],
    [
      "too many paths",
      `version: 1\nfilesystem_policy: { read_only: [${Array.from({ length: 257 }, (_, n) => `/p${n}`).join(", ")}] }`,
      "filesystem_policy: found 257 paths, expected at most 256",
    ],
    [
      "too many middlewares",
      `version: 1\nnetwork_middlewares: { ${Array.from({ length: 11 }, (_, n) => `m${n}: { middleware: x, order: ${n}, endpoints: { include: [a.b] } }`).join(", ")} }`,
      "network_middlewares: found 11 entries, expected at most 10",
    ],
  ])("%s", (_name, text, problem) => {
    expect(problemsOf(text).join("\n")).toContain(problem);
  });

  it("is taken with sections that hold nothing", () => {
    expect(problemsOf("version: 1\nprocess:\nnetwork_policies:\n  # none yet\n")).toEqual([]);
  });
});
