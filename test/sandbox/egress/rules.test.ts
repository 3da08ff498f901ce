import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesGlob } from "../../../sandbox/egress/glob.ts";
import {
  type EndpointRules,
  endpointsFor,
  type RequestRule,
  requestProblem,
  restrictsRequests,
} from "../../../sandbox/egress/rules.ts";

const rule = (method: string, path: string, query: RequestRule["query"] = {}): RequestRule => ({
  method,
  path,
  query,
});
const entry = (more: Partial<EndpointRules>): EndpointRules => ({
  host: "api.example.com",
  ports: [],
  tls: "terminate",
  allow: [],
  deny: [],
  ...more,
});
const problem = (entries: readonly EndpointRules[], method: string, target: string) =>
  requestProblem(entries, { method, target });

describe("the rules about requests", () => {
  it("let everything pass where nothing is restricted", () => {
    expect(problem([], "DELETE", "/x/../y")).toBeUndefined();
    expect(problem([entry({})], "DELETE", "/x")).toBeUndefined();
    expect(restrictsRequests([entry({})])).toBe(false);
  });

  it("let pass what one of them allows, and nothing else", () => {
    const entries = [entry({ allow: [rule("GET", "/repos/*/issues"), rule("POST", "/v1/**")] })];
    expect(problem(entries, "GET", "/repos/a/issues")).toBeUndefined();
    expect(problem(entries, "HEAD", "/repos/a/issues?x=1")).toBeUndefined();
    expect(problem(entries, "POST", "/v1/a/b")).toBeUndefined();
    expect(problem(entries, "GET", "/repos/a/b/issues")).toBeDefined();
    expect(problem(entries, "PUT", "/v1/a")).toBeDefined();
    expect(problem(entries, "get", "/repos/a/issues")).toBeDefined();
  });

  it("deny before they allow, whichever entry says so", () => {
    const entries = [entry({}), entry({ deny: [rule("*", "/admin/**")] })];
    expect(problem(entries, "GET", "/public")).toBeUndefined();
    expect(problem(entries, "GET", "/admin/users")).toContain("denied by the rule * /admin/**");
    expect(problem(entries, "GET", "/%61dmin/users")).toContain("denied");
  });

  it("need every value of a parameter to be allowed, and one to be denied", () => {
    const allow = [entry({ allow: [rule("GET", "/s", { q: ["a*", "b"] })] })];
    expect(problem(allow, "GET", "/s?q=abc&other=1")).toBeUndefined();
    expect(problem(allow, "GET", "/s?q=%61&q=b")).toBeUndefined();
    expect(problem(allow, "GET", "/s?q=abc&q=x")).toBeDefined();
    expect(problem(allow, "GET", "/s")).toBeDefined();
    const deny = [entry({ deny: [rule("GET", "/s", { mode: ["all"] })] })];
    expect(problem(deny, "GET", "/s?mode=one&mode=all")).toBeDefined();
    expect(problem(deny, "GET", "/s?mode=one")).toBeUndefined();
  });

  it.each([
    ...["/a/../admin", "/a/./b", "/a/%2e%2e/admin", "/a/.%2E/b", "//admin", "/a%2fb", "/a\\b"],
    ...["/a%5cb", "/a;x=1", "/a%00", "/%zz", "/%252e", "http://x/a", "*", ""],
  ])("refuse to judge the path %s", (target) => {
    expect(problem([entry({ allow: [rule("*", "/**")] })], "GET", target)).toBeDefined();
  });

  it("are about their host and ports only", () => {
    const exact = entry({ ports: [443] });
    const suffix = entry({ host: "*.example.com" });
    expect(endpointsFor([exact, suffix], "api.example.com", 443)).toEqual([exact, suffix]);
    expect(endpointsFor([exact, suffix], "api.example.com", 80)).toEqual([suffix]);
    expect(endpointsFor([exact, suffix], "example.com", 443)).toEqual([]);
  });
});

describe("a glob", () => {
  it("agrees with the regular expression that it stands for", () => {
    const glob = fc.array(fc.constantFrom("*", "**", "?", "a", "/", ".", "é"), { maxLength: 8 });
    const text = fc.array(fc.constantFrom("a", "/", ".", "b", "é"), { maxLength: 8 });
    fc.assert(
      fc.property(glob, text, (tokens, chars) => {
        const pattern = tokens.join("");
        const source = pattern.replace(/\*\*+|[\s\S]/g, (token) =>
          token.startsWith("**")
            ? "[^]*"
            : ({ "*": "[^/]*", "?": "[^/]", ".": "\\." }[token] ?? token),
        );
        expect(matchesGlob(pattern, chars.join(""), "/")).toBe(
          new RegExp(`^${source}$`).test(chars.join("")),
        );
      }),
    );
  });

  it("takes no exponential time on a hostile path", () => {
    expect(matchesGlob(`${"*a".repeat(30)}b`, "a".repeat(8_000), "/")).toBe(false);
  });
});
