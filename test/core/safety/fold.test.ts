import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, foldedString } from "../../../core/safety/fold.ts";
import { scratch } from "../../../core/safety/scratch.ts";

const word = (text: string): string => foldedString(fold(text));

// Texts made of what folding is about, beside any text at all, broken surrogates included.
const PIECES = [
  "ａ", "é", "e\u0301\u0302", "ﬁ", "㎏", "①", "❷", "🅷", "𝐇", "٣", "а", "\u200b", "\u00ad",
  "\ufe0f", "\u{e0041}", "\u202e", "發", "乾淨", "毒", "🎉", "🇨🇳", "🇭", "\ud83c", "\udf89",
  " ", "\u3000", "\r\n", "ﷺ", "が", "A", "0",
]; // biome-ignore format: one list
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((u) => String.fromCharCode(...u)),
);

describe("fold", () => {
  it.each([
    ["full width", "Ｈｅｒｏｉｎ１２３", "heroin123"],
    ["compatibility forms", "ﬁ ㎏ ① ❷ ⑩ ½", "fi kg 1 2 10 1⁄2"],
    ["mathematical and enclosed letters", "𝐡𝖊𝓻𝕠🄸🅝 Ⓗ🅷", "heroin hh"],
    ["digits of any script", "٣ ३ ９ 𝟗 𝟎", "3 3 9 9 0"],
    [
      "accents, composed and not",
      "Café cafe\u0301 h\u0323\u0302eroin Łódź Straße",
      "cafe cafe heroin lodz strasse",
    ],
    ["Cyrillic and Greek look-alikes", "hеrоіn НЕRОIN сοсаіnе", "heroin heroin cocaine"],
    ["small capitals and phonetic letters", "ʜᴇʀᴏɪɴ ɑɡ", "heroin ag"],
    ["Armenian, Coptic and syllabic look-alikes", "հеrоіո ⲥⲟⲥaⲓⲛⲉ", "heroin cocaine"],
    ["letters of generators of fancy text", "ᑕᗩᔕIᑎO ᕼEᖇOIᑎ мєтн", "casino heroin meth"],
    [
      "invisible characters",
      "毒\u200b\u2060品\ufe0f h\u00ade\u200dr\u{e0041}o\u202ein\ufeff",
      "毒品 heroin",
    ],
    ["traditional characters", "販賣發票 頭髮 乾淨 乾坤", "贩卖发票 头发 干净 干坤"],
    ["regional variants of characters", "裏裡 爲為 羣群 台臺", "里里 为为 群群 台台"],
    [
      "forms that conversion keeps apart",
      "帳户賬户账户 大砲大炮 大蔴 妳",
      "账户账户账户 大炮大炮 大麻 你",
    ],
    ["signs for radicals", "⾛⼥ ⻓⻑ ⻩⾊", "走女 长长 黄色"],
    ["Japanese forms", "洗銭 薬 売買 発売", "洗钱 药 卖买 发卖"],
    ["spaces and line breaks", "a\u3000b\u00a0c\td\r\ne\u2028f", "a b c d \ne\nf"],
  ])("folds %s", (_what, text, folded) => {
    expect(word(text)).toBe(folded);
  });

  it("takes one regional indicator for a letter and two for a flag", () => {
    expect(word("🇭 🇪")).toBe("h e");
    expect(word("毒🇨🇳品")).toBe("毒🇨🇳品");
  });

  it("keeps Han characters apart that only sound alike", () => {
    expect(word("毒品")).not.toBe(word("读品"));
  });

  it("keeps Japanese forms apart that are other characters in Chinese", () => {
    for (const [one, other] of ["欠缺", "予豫", "芸艺", "弁辩"])
      expect(word(one ?? "")).not.toBe(word(other ?? ""));
  });

  it("keeps voiced kana and Hangul syllables whole", () => {
    expect(word("がか 가각")).toBe("がか 가각");
  });

  it("says where each folded unit came from, accents with their letter", () => {
    const { starts, ends } = fold("aﬁe\u0301\u0302\u200b🎉");
    expect([...starts]).toEqual([0, 1, 1, 2, 6, 6]);
    expect([...ends]).toEqual([1, 2, 2, 5, 8, 8]);
  });

  it("keeps offsets in order and on the borders of characters, whatever the text", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { units, starts, ends } = fold(text);
        expect(starts.length).toBe(units.length);
        expect(ends.length).toBe(units.length);
        const splitsPair = (at: number) =>
          at > 0 &&
          at < text.length &&
          /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));
        for (let at = 0; at < units.length; at += 1) {
          const [start = -1, end = -1] = [starts[at], ends[at]];
          expect(start).toBeGreaterThanOrEqual(at === 0 ? 0 : (starts[at - 1] ?? 0));
          expect(end).toBeGreaterThanOrEqual(at === 0 ? 0 : (ends[at - 1] ?? 0));
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(splitsPair(start) || splitsPair(end)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const once = foldedString(fold(text));
        expect(foldedString(fold(once))).toBe(once);
      }),
      { numRuns: 500 },
    );
    for (let code = 0; code < 0x30000; code += 1) {
      const once = foldedString(fold(String.fromCodePoint(code)));
      const twice = foldedString(fold(once));
      if (twice !== once) expect.fail(`U+${code.toString(16)}: ${once} -> ${twice}`);
    }
  });

  it("folds each character by itself, so that what stands around a term cannot hide it", () => {
    fc.assert(
      fc.property(hostile, hostile, (left, right) => {
        // Only flags and pairs of surrogates reach over a border.
        fc.pre(!/[\ud800-\udfff]$/.test(left) || !/^[\ud800-\udfff]/.test(right));
        expect(word(left + right)).toBe(word(left) + word(right));
      }),
    );
  });

  it("folds in memory that other texts have used as in memory of its own", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const own = fold(text);
        scratch.during(() => expect(fold(text)).toEqual(own));
      }),
    );
  });
});
