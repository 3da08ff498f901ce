import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLexicon } from "../../../../core/safety/moderation/lexicon.ts";
import { maskText } from "../../../../core/safety/moderation/mask.ts";
import { createModeration } from "../../../../core/safety/moderation/moderation.ts";
import { moderate } from "../../../../core/safety/moderation/scan.ts";

const terms = ["毒品", "赌博网站", "假发票", "做爱", "绿卡", "行贿", "银行卡", "K粉", "六合彩"];
const lexicon = createLexicon(
  [
    ...terms.map((term) => ({ id: term, term, action: "mask" as const, pinyin: true })),
    { id: "手枪", term: "手枪", action: "mask" as const },
  ],
  "test",
);
const found = (text: string) =>
  moderate(text, lexicon).hits.map(({ id, start, end }) => [id, text.slice(start, end)]);

describe("terms as pinyin", () => {
  it.each([
    ["tones as accents or digits", "买 dúpǐn, du2pin3", ["dúpǐn", "du2pin3"]],
    ["syllables together and apart", "DuPin du pin du-pin d u p i n", null],
    ["one character as pinyin", "毒pin du品", ["毒pin", "du品"]],
    ["characters in the middle", "假fa票 赌bo网zhan", ["假fa票", "赌bo网zhan"]],
    ["signs between the characters", "毒 pin, du·品, 毒-pǐn", ["毒 pin", "du·品", "毒-pǐn"]],
    ["a tone behind a character", "毒pin3", ["毒pin3"]],
    ["three capitals and more", "毒PIN", ["毒PIN"]],
    ["traditional characters", "賭bo網站", ["賭bo網站"]],
    ["ü as v and u", "lvka lüka lǜ卡 綠ka", ["lvka", "lüka", "lǜ卡", "綠ka"]],
    ["characters with several readings", "行hui xing贿 银hang卡 yin行ka", null],
    ["Latin letters in the term", "k fen Kfen", ["k fen", "Kfen"]],
  ])("finds %s", (_what, text, parts) => {
    const hits = found(text).map(([, part]) => part);
    if (parts) expect(hits).toEqual(parts);
    else expect(hits.join(" ")).toBe(text);
  });

  it.each([
    ["other characters of the same sound", "独pin du贫 读品"],
    ["two capitals beside characters, which are an abbreviation", "我们做AI产品，做 AI 的人"],
    ["a single letter beside characters", "六h彩"],
    ["parts of Latin words", "毒pins 毒spin indu品 毒p"],
    ["syllables torn apart", "d upin dup in"],
    ["another reading of a character in the term", "hang贿 银xing卡"],
    ["what the end of a sentence divides", "毒。pin du! 品"],
    ["terms that do not ask for it", "shouqiang 手qiang"],
    ["a character within a syllable", "d乌pin 六he因彩"],
  ])("does not take for a term: %s", (_what, text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ["还款", "huankuan haikuan huan款 还kuan", 4],
    ["藏独", "zangdu cangdu zang独", 3],
    ["重组弹药", "chongzudanyao, zhong zu dan yao, 重zu弹yao", 3],
  ])("finds both readings of a character that is often guessed wrong: %s", (term, text, count) => {
    const guessed = createLexicon([{ id: "a", term, action: "mask", pinyin: true }], "test");
    expect(moderate(text, guessed).hits).toHaveLength(count);
  });

  it.each([
    ["高仿", "gaofang 高fang gao彷"],
    ["沉没", "chenmo chen没"],
    ["约了", "yuele yue了"],
    ["薬物", "yaowu yao物"],
  ])("reads a character as it is written, not as what it folds to: %s", (term, text) => {
    const read = createLexicon([{ id: "a", term, action: "mask", pinyin: true }], "test");
    const hits = moderate(text, read).hits.map(({ start, end }) => text.slice(start, end));
    expect(hits.join(" ")).toBe(text);
  });

  it("finds a term whichever of its characters are pinyin and whatever Han stands around", () => {
    const term = ["赌du", "博bo", "网wang", "站zhan"];
    const han = fc.string({ unit: fc.constantFrom(..."赌博网站毒假好的"), maxLength: 20 });
    const mixture = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(han, mixture, han, (before, isTyped, after) => {
        fc.pre(isTyped.includes(true));
        const mixed = term.map((part, at) => (isTyped[at] ? part.slice(1) : part.slice(0, 1)));
        const part = mixed.join("");
        expect(found(before + part + after)).toContainEqual(["赌博网站", part]);
      }),
      { numRuns: 300 },
    );
  });

  it("lets nothing of a term out of a stream, in whatever pieces it comes", () => {
    const pieces = [
      ..."毒品赌博网站行贿银卡绿假 -.\n。",
      "du",
      "pin",
      "hui",
      "v",
      "k",
      "ka",
      "PIN",
      "ｄ",
      "3",
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map((p) => p.join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 8 }), (whole, cuts) => {
        const masked = maskText(whole, moderate(whole, lexicon).hits);
        const stream = createModeration([lexicon]).stream();
        let [out, from] = ["", 0];
        for (const cut of [...cuts.sort((one, other) => one - other), whole.length]) {
          out += stream.push(whole.slice(from, Math.max(from, cut)));
          from = Math.max(from, cut);
          expect(masked.startsWith(out)).toBe(true);
        }
        expect(out + stream.finish().text).toBe(masked);
      }),
      { numRuns: 2000 },
    );
  });
});
