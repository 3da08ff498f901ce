import { describe, expect, it } from "vitest";
import { endpointsFor, requestProblem } from "../../../sandbox/egress/rules.ts";
import { interpretText, withEndpoints } from "./policy-text.ts";

/** What the egress proxy says to a request, as the policy's endpoints make it; undefined = passes. */
const judge = (endpoints: readonly string[], request: string): string | undefined => {
  const [method = "", url = ""] = request.split(" ");
  const { hostname, protocol, port, pathname, search } = new URL(url);
  const { open, rules } = interpretText(withEndpoints(...endpoints));
  const asked = Number(port || (protocol === "https:" ? 443 : 80));
  const isOpen = open.some(
    (one) =>
      one.port === asked &&
      (one.host === hostname ||
        (one.host.startsWith("*.") && hostname.endsWith(one.host.slice(1)))),
  );
  if (!isOpen) return "closed";
  return requestProblem(endpointsFor(rules, hostname, asked), {
    method,
    target: `${pathname}${search}`,
  });
};

const API = "https://api.example.com";
const rest = (more: string, host = "api.example.com") =>
  `{ host: "${host}", port: 443, protocol: rest, ${more} }`;

describe("what a policy opens", () => {
  it("opens a host at the ports that are listed, and at no other", () => {
    const endpoints = ["{ host: API.example.com., ports: [443, 8443] }"];
    expect(judge(endpoints, `POST ${API}/x`)).toBeUndefined();
    expect(judge(endpoints, `POST ${API}:8443/x`)).toBeUndefined();
    expect(judge(endpoints, "GET http://api.example.com/x")).toBe("closed");
  });

  it.each([
    ["read-only", ["GET", "HEAD", "OPTIONS"], ["POST", "PUT", "PATCH", "DELETE"]],
    ["read-write", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"], ["DELETE"]],
    ["full", ["GET", "DELETE", "PURGE"], []],
  ])("lets through with access %s: %s, not: %s", (access, passing, refused) => {
    const endpoints = [rest(`access: ${access}`)];
    for (const method of passing) expect(judge(endpoints, `${method} ${API}/`)).toBeUndefined();
    for (const method of refused) {
      expect(judge(endpoints, `${method} ${API}/`)).toBe(`no rule allows ${method} here`);
    }
  });

  it("judges method, path and query, and refuses what is denied whatever allows it", () => {
    const endpoints = [
      rest(
        'rules: [{ allow: { method: get, path: "/repos/**", query: { tag: { any: [a, b] } } } }, { allow: { method: POST, path: "/x/*" } }], deny_rules: [{ method: "*", path: "/repos/secret/**" }]',
      ),
    ];
    expect(judge(endpoints, `GET ${API}/repos/a/b?tag=a&tag=b`)).toBeUndefined();
    expect(judge(endpoints, `GET ${API}/repos/a/b?tag=a&tag=c`)).toContain("no rule");
    expect(judge(endpoints, `GET ${API}/repos/a/b`)).toContain("no rule");
    expect(judge(endpoints, `POST ${API}/x/y`)).toBeUndefined();
    expect(judge(endpoints, `POST ${API}/x/y/z`)).toContain("no rule");
    expect(judge(endpoints, `GET ${API}/repos/secret/b?tag=a`)).toContain("denied by the rule");
  });

  it("keeps endpoints apart by their path", () => {
    const endpoints = [
      rest("access: read-write, path: /v1/**"),
      rest("access: read-only, path: /v2/**"),
    ];
    expect(judge(endpoints, `POST ${API}/v1/a`)).toBeUndefined();
    expect(judge(endpoints, `POST ${API}/v2/a`)).toContain("no rule");
    expect(judge(endpoints, `GET ${API}/v2/a`)).toBeUndefined();
    expect(judge(endpoints, `GET ${API}/v3/a`)).toContain("no rule");
  });

  it("says the folders in the words of the settings", () => {
    const { settings } = interpretText(
      "version: 1\nfilesystem_policy: { include_workdir: true, read_write: [/home/a/b, /home/a/, /tmp, /dev/null], read_only: [/usr, /data/x, /data, /home/a/conf] }",
    );
    expect(settings.filesystem).toEqual({
      allowed_paths: ["/workspace", "/home/a", "/tmp"],
      readonly_paths: ["/data"],
    });
  });

  it("gives a working directory when nothing is said of files, and none when it is left out", () => {
    expect(interpretText("version: 1").settings.filesystem.allowed_paths).toEqual(["/workspace"]);
    const silent = "version: 1\nfilesystem_policy: { read_write: [/tmp] }";
    expect(interpretText(silent).settings.filesystem.allowed_paths).toEqual(["/tmp"]);
  });
});

describe("what a policy does not open", () => {
  const closed = (...endpoints: readonly string[]) => {
    const { open, settings, findings } = interpretText(withEndpoints(...endpoints));
    expect(open).toEqual([]);
    expect(settings.network).toEqual({ mode: "off", allowed_domains: [] });
    return findings.find(({ status, path }) => status === "unenforceable" && path.endsWith("[0]"))
      ?.why;
  };

  it.each([
    ["{ host: 169.254.169.254, port: 80 }", "an address is never let through here, only names are"],
    ["{ port: 80, allowed_ips: [10.0.0.0/8] }", "only names are let through here"],
    [
      '{ host: "*-api.x.example.com", port: 443 }',
      "a wildcard here stands for whole labels at the front only",
    ],
    ["{ host: db.example.com, port: 5432, protocol: tcp }", "the proxy carries HTTP and TLS only"],
    [
      "{ host: a.example.com, port: 443, protocol: graphql, access: full }",
      "the proxy does not look into graphql",
    ],
    [
      "{ host: a.example.com, port: 443, protocol: websocket, access: full }",
      "the proxy does not look into websocket",
    ],
    [
      "{ host: a.example.com, port: 443, protocol: mcp, rules: [{ allow: { method: initialize } }] }",
      "the proxy does not look into mcp",
    ],
    [
      "{ host: a.example.com, port: 443, protocol: rest, access: full, path: /v1 }",
      "only a path like /v1/** chooses between endpoints here",
    ],
  ])("%s", (endpoint, why) => {
    expect(closed(endpoint)).toBe(`The endpoint stays closed: ${why}.`);
  });

  it("attack: a rule that no program may use opens hosts for everybody", () => {
    const text = withEndpoints(rest("access: full")).replace(/binaries: .*/, "binaries: []");
    expect(interpretText(text)).toMatchObject({ open: [], rules: [] });
  });

  it("attack: rules of a rule that no program may use widen those of another", () => {
    const text = `${withEndpoints(rest("access: read-only"))}\n  idle:\n    endpoints: [${rest("access: full")}]`;
    expect(interpretText(text).rules).toHaveLength(1);
  });

  it("attack: a middleware that has to see the traffic is gone around", () => {
    const middleware = (more: string) =>
      `${withEndpoints("{ host: a.example.com, port: 443 }")}\nnetwork_middlewares: { m: { middleware: x, ${more} } }`;
    const at = (include: string, more = "") =>
      middleware(`endpoints: { include: ["${include}"]${more} }`);
    expect(interpretText(at("a.example.com")).open).toEqual([]);
    expect(interpretText(at("**.example.com")).open).toEqual([]);
    expect(interpretText(at("**.com")).open).toEqual([]);
    expect(interpretText(at("b.example.com")).open).toHaveLength(1);
    expect(interpretText(at("*.example.com", ", exclude: [a.example.com]")).open).toHaveLength(1);
    const open = middleware("on_error: fail_open, endpoints: { include: [a.example.com] }");
    expect(interpretText(open).open).toHaveLength(1);
  });

  it("attack: an endpoint without inspection opens what another one inspects", () => {
    const endpoints = ['{ host: "**.example.com", port: 443 }', rest("access: read-only")];
    expect(judge(endpoints, `GET ${API}/`)).toBeUndefined();
    expect(judge(endpoints, `DELETE ${API}/`)).toContain("no rule");
    expect(judge(endpoints, "DELETE https://other.example.com/")).toBeUndefined();
  });

  it("attack: an endpoint without inspection opens what cannot be inspected here", () => {
    const endpoints = [
      '{ host: "**.example.com", port: 443 }',
      "{ host: api.example.com, port: 443, protocol: graphql, access: read-only }",
    ];
    expect(judge(endpoints, `POST ${API}/graphql`)).toContain("no rule");
    expect(judge(endpoints, "POST https://other.example.com/")).toBeUndefined();
  });

  it("attack: a wildcard that cannot be said lends its rules to its neighbours", () => {
    const endpoints = [rest("access: read-only"), rest("access: full", "api-*.example.com")];
    expect(judge(endpoints, `DELETE ${API}/`)).toContain("no rule");
  });

  it.each([
    ["**.example.com", "*.example.com", "enforced"],
    ["*.example.com", "*.example.com", "unenforceable"],
  ])("says whether a wildcard covers more here: %s", (pattern, host, status) => {
    const { open, findings } = interpretText(withEndpoints(`{ host: "${pattern}", port: 443 }`));
    expect(open).toEqual([{ host, port: 443 }]);
    expect(findings.find(({ path }) => path.endsWith("host"))?.status).toBe(status);
  });

  it("attack: a double star in company passes more than it does in OpenShell", () => {
    const endpoints = [rest('rules: [{ allow: { method: GET, path: "/a**/x" } }]')];
    expect(judge(endpoints, `GET ${API}/ab/x`)).toBeUndefined();
    expect(judge(endpoints, `GET ${API}/a/b/x`)).toContain("no rule");
  });

  it("attack: a class in a deny rule denies nothing", () => {
    const endpoints = [
      rest('access: full, deny_rules: [{ method: "*", path: "/admin/[a-z]*/x" }]'),
    ];
    expect(judge(endpoints, `GET ${API}/admin/abc/x`)).toContain("denied by the rule");
    expect(judge(endpoints, `GET ${API}/other`)).toBeUndefined();
  });

  it("attack: a class in an allow rule allows everything when the rule is dropped", () => {
    const endpoints = [rest('rules: [{ allow: { method: GET, path: "/[ab]" } }]')];
    expect(judge(endpoints, `GET ${API}/a`)).toContain("no rule");
    expect(judge(endpoints, `GET ${API}/c`)).toContain("no rule");
  });

  it("attack: what OpenShell would only log passes here", () => {
    const endpoints = [rest("access: read-only, enforcement: audit")];
    expect(judge(endpoints, `POST ${API}/`)).toContain("no rule");
  });

  it("refuses TLS to what is inspected and must not be looked into", () => {
    const { rules } = interpretText(withEndpoints(rest("access: full, tls: skip")));
    expect(rules.map(({ tls }) => tls)).toEqual(["passthrough"]);
  });
});
