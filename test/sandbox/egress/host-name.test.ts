import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  foldHost,
  foldPattern,
  matchesHost,
  splitAuthority,
} from "../../../sandbox/egress/host-name.ts";

const name = (text: string) => ({ kind: "name", name: text });

describe("folding a host", () => {
  it.each([
    ["API.OpenAI.com.", "api.openai.com"],
    ["münchen.de", "xn--mnchen-3ya.de"],
    ["xn--mnchen-3ya.de", "xn--mnchen-3ya.de"],
    ["例え。テスト", "xn--r8jz45g.xn--zckzah"],
    ["ⓔxample.com", "example.com"],
    ["a_b.example", "a_b.example"],
    ["localhost", "localhost"],
  ])("makes one name of %s", (written, folded) => {
    expect(foldHost(written)).toEqual(name(folded));
  });

  it.each([
    ...["127.0.0.1", "127.0.0.1.", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001"],
    ...["0", "0x", "0x.0x", "1.2.3.4.5", "999.999.999.999", "08.1", "foo.1", "foo.0x1f"],
    ...["[::1]", "::1", "[::ffff:127.0.0.1]", "::ffff:7f00:1", "fe80::1%eth0", "[::1%25lo]"],
    ...["１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "0X7F.1", "localhost.127", "[::", "[v1.x]"],
  ])("calls %s an address", (written) => {
    expect(foldHost(written)).toEqual({ kind: "address" });
  });

  it.each([
    ...["", ".", "a..b", "a.com..", ".a.com", "-a.com", "a-.com", "a b", "a\tb", "a\0b", "a/b"],
    ...["a%2ecom", "%31%32%37.0.0.1", "user@a.com", "a.com#", "a.com?", "a\\b", "a\r\nHost"],
    ...[`${"a".repeat(64)}.com`, `${"a.".repeat(127)}com`],
  ])("takes %j for no host at all", (written) => {
    expect(foldHost(written)).toEqual({ kind: "invalid" });
  });

  it("never lets through what a URL parser takes for an address", () => {
    const part = fc.oneof(
      fc.nat(2 ** 32).map(String),
      fc.nat(2 ** 32).map((value) => `0x${value.toString(16)}`),
      fc.nat(2 ** 32).map((value) => `0${value.toString(8)}`),
      fc.constantFrom("", "0", "0x", "１", "a"),
    );
    const separators = fc.constantFrom(".", "。", "．", "｡");
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), separators, (parts, dot) => {
        const text = parts.join(dot);
        let parsed: string;
        try {
          parsed = new URL(`http://${text}/`).hostname;
        } catch {
          return; // no URL parser connects anywhere
        }
        if (isIP(parsed) !== 0) expect(foldHost(text).kind).not.toBe("name");
      }),
    );
  });

  it("gives back a name that folds to itself, whatever comes in", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.domain()), (text) => {
        const host = foldHost(text);
        if (host.kind !== "name") return;
        expect(foldHost(host.name)).toEqual(host);
        expect(isIP(host.name)).toBe(0);
      }),
    );
  });
});

describe("a pattern of hosts", () => {
  it("means the exact name, or what lies below a suffix but not the suffix itself", () => {
    expect(matchesHost("a.com", "a.com")).toBe(true);
    expect(matchesHost("a.com", "b.a.com")).toBe(false);
    expect(matchesHost("*.a.com", "b.a.com")).toBe(true);
    expect(matchesHost("*.a.com", "c.b.a.com")).toBe(true);
    expect(matchesHost("*.a.com", "a.com")).toBe(false);
    expect(matchesHost("*.a.com", "evila.com")).toBe(false);
  });

  it("is folded as hosts are, and cannot be an address or a bare star", () => {
    expect(foldPattern("*.Example.COM.")).toBe("*.example.com");
    expect(foldPattern("*")).toBeUndefined();
    expect(foldPattern("*.*.com")).toBeUndefined();
    expect(foldPattern("10.0.0.1")).toBeUndefined();
    expect(foldPattern("*.0.0.1")).toBeUndefined();
  });
});

describe("an authority", () => {
  it("is a host and a port within range", () => {
    expect(splitAuthority("a.com:443")).toEqual({ host: "a.com", port: 443 });
    expect(splitAuthority("a.com")).toEqual({ host: "a.com", port: undefined });
    expect(splitAuthority("[::1]:443")).toEqual({ host: "[::1]", port: 443 });
  });

  it.each(["a.com:0", "a.com:65536", "a.com:", "a.com:44a", "a:1:2", "::1", "a.com:+443"])(
    "is not %s",
    (text) => {
      expect(splitAuthority(text)).toBeUndefined();
    },
  );
});
