import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { tokensFingerprint, tokensOf } from "../../../core/memory/tokens.ts";

const MANY = 1_000;
const VARIANTS = "../../../core/safety/fold-variants.ts";

describe("what a text is found by", () => {
  it.each([
    ["Quarterly REPORT, q3-2026", ["quarterly", "report", "q3", "2026"]],
    ["薪資報表", ["薪资", "资报", "报表"]],
    ["薪资", ["薪资"]],
    ["我", ["我"]],
    ["請看report表格", ["请看", "report", "表格"]],
    ["ﬁle ＲＥＰＯＲＴ café", ["file", "report", "cafe"]],
    ["报\u200b表", ["报表"]],
    ["カタカナ", ["カタ", "タカ", "カナ"]],
    ["the the THE", ["the"]],
    [" …!\n", []],
  ])("%j", (text, tokens) => {
    expect(tokensOf(text, MANY)).toEqual(tokens);
  });

  it("goes by rules with a fingerprint, which is another one where a table of folding is", async () => {
    expect(tokensFingerprint()).toHaveLength(32);
    vi.resetModules();
    const same = await import("../../../core/memory/tokens.ts");
    expect(same.tokensFingerprint()).toEqual(tokensFingerprint());
    vi.resetModules();
    vi.doMock(VARIANTS, () => ({ otherForms: () => [["帐", "账"]] }));
    const other = await import("../../../core/memory/tokens.ts");
    expect(other.tokensFingerprint()).not.toEqual(tokensFingerprint());
    vi.doUnmock(VARIANTS);
  });

  it("is the same in traditional and in simplified characters", () => {
    expect(tokensOf("機器學習", MANY)).toEqual(tokensOf("机器学习", MANY));
  });

  it("has no token twice, none that is empty and none beyond the limit, whatever the text", () => {
    const texts = fc.string({ unit: "grapheme", maxLength: 200 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, limit) => {
        const tokens = tokensOf(text, limit);
        expect(new Set(tokens).size).toBe(tokens.length);
        expect(tokens.length).toBeLessThanOrEqual(limit);
        expect(tokens.every((token) => token.length > 0 && token.length <= 64)).toBe(true);
      }),
    );
  });

  it("finds what was said by any two characters in a row of it", () => {
    const said = fc.array(fc.constantFrom(..."机器学习报表薪资会议"), {
      minLength: 2,
      maxLength: 30,
    });
    fc.assert(
      fc.property(said, fc.nat(), (characters, at) => {
        const from = at % (characters.length - 1);
        const [query] = tokensOf(characters.slice(from, from + 2).join(""), MANY);
        expect(tokensOf(characters.join(""), MANY)).toContain(query);
      }),
    );
  });
});
