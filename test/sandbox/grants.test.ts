import { describe, expect, it } from "vitest";
import { narrowEgress } from "../../sandbox/grants.ts";

describe("what a skill asks of the network", () => {
  const network = {
    mode: "whitelist",
    allowed_domains: ["API.a.test", "*.b.test"],
    blocked_ports: [22],
  } as const;
  const narrow = (host: string, port = 443) =>
    narrowEgress([{ host, port }], network).map((left) => left.host);

  it("is cut to what the settings allow", () => {
    expect(narrow("api.a.test")).toEqual(["api.a.test"]);
    expect(narrow("x.b.test")).toEqual(["x.b.test"]);
    expect(narrow("*.x.b.test")).toEqual(["*.x.b.test"]);
    expect(narrow("*.a.test")).toEqual(["API.a.test"]);
    expect(narrow("b.test")).toEqual([]);
    expect(narrow("a.test")).toEqual([]);
    expect(narrow("x.b.test", 22)).toEqual([]);
    expect(narrowEgress([{ host: "x.b.test", port: 443 }], { ...network, mode: "off" })).toEqual(
      [],
    );
  });
});
