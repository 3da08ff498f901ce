import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createLexicon,
  LexiconError,
  parseTerms,
} from "../../../../core/safety/moderation/lexicon.ts";
import { maskText } from "../../../../core/safety/moderation/mask.ts";
import { createModeration } from "../../../../core/safety/moderation/moderation.ts";
import { moderate, Scan } from "../../../../core/safety/moderation/scan.ts";
import { ModerationStream } from "../../../../core/safety/moderation/stream.ts";

const lexicon = createLexicon(
  [
    { id: "drugs", term: "毒品", action: "block", pinyin: true },
    { id: "gambling", term: "賭博", action: "review", pinyin: true },
    { id: "heroin", term: "heroin", action: "mask" },
    { id: "laundering", term: "money laundering", action: "mask" },
    { id: "ass", term: "ass", action: "mask" },
  ],
  "test",
);
const masking = createLexicon(
  [
    { id: "drugs", term: "毒品", action: "mask", pinyin: true },
    { id: "heroin", term: "heroin", action: "mask" },
    { id: "laundering", term: "money laundering", action: "mask" },
    { id: "aa", term: "aa", action: "mask" },
  ],
  "test",
);

const PIECES = [
  "毒",
  "，",
  "品",
  "heroin",
  "hero",
  "in",
  "h",
  "rrr",
  "n",
  "nn",
  "e",
  "r",
  "o",
  "i",
  "n",
  "a",
  "a",
  " ",
  ".",
  "。",
  "\n",
  "\r",
  "-",
  "0",
  "1",
  "@",
  "\u200b",
  "\u0301",
  "🎉",
  "🇨",
  "🇭",
  "\ud83c",
  "\udf89",
  "money",
  "laundering",
  "du",
  "pin",
  "PIN",
  "2",
  "ú",
  "ﬁ",
  "！",
  "ｏ",
  "𠮷",
  "*",
  "$",
  "!",
  "|",
  "<b>",
  "</",
  "br>",
  "&",
  "#8203;",
  "#x68;",
  "&nbsp;",
];
const hostile = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((p) => p.join(""));
const splitText = fc.tuple(hostile, fc.array(fc.nat(80), { maxLength: 8 })).map(([text, cuts]) => {
  const at = [...new Set([0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length])];
  at.sort((one, other) => one - other);
  return { text, pieces: at.slice(1).map((end, index) => text.slice(at[index] ?? 0, end)) };
});

describe("moderation", () => {
  it("takes the strongest action of all hits", () => {
    expect(moderate("heroin", lexicon).action).toBe("mask");
    expect(moderate("heroin 赌博", lexicon).action).toBe("review");
    expect(moderate("heroin 赌博 毒品", lexicon).action).toBe("block");
    expect(moderate("hello", lexicon)).toEqual({ action: "allow", hits: [] });
  });

  it("gives offsets in the original text", () => {
    const text = "ﬁ 毒\u200b🎉品, h\u0301eroi\u0301n";
    expect(moderate(text, lexicon).hits.map(({ start, end }) => text.slice(start, end))).toEqual([
      "毒\u200b🎉品",
      "h\u0301eroi\u0301n",
    ]);
  });

  it("takes no memory for each of the terms that a text does not have", () => {
    const many = createLexicon(
      Array.from({ length: 20_000 }, (_, at) => ({
        id: `T${at}`,
        term: `term${at}`,
        action: "mask",
      })),
      "test",
    );
    const allocated = Array.from({ length: 5 }, () => {
      const before = process.memoryUsage().arrayBuffers;
      expect(moderate("a term700 here", many).hits).toHaveLength(1);
      return process.memoryUsage().arrayBuffers - before;
    });
    expect(Math.max(...allocated.slice(1))).toBeLessThan(20_000);
  });

  it("masks the hits and leaves every other unit as it is, whatever the text", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { hits } = moderate(text, masking);
        let rest = maskText(text, hits);
        let at = 0;
        for (const { start, end } of hits) {
          if (end <= at) continue;
          const from = Math.max(at, start);
          const plain = text.slice(at, from);
          expect(rest.startsWith(plain)).toBe(true);
          const stars = "*".repeat([...text.slice(from, end)].length);
          expect(rest.slice(plain.length, plain.length + stars.length)).toBe(stars);
          rest = rest.slice(plain.length + stars.length);
          at = end;
        }
        expect(rest).toBe(text.slice(at));
      }),
      { numRuns: 2000 },
    );
  });

  const partsOf = (text: string) =>
    moderate(text, lexicon).hits.map(({ start, end }) => text.slice(start, end));

  it.each([
    ["words that go on in the next line", "money\r\nlaundering"],
    ["text that runs downwards", "h\ne\nr\no\ni\nn"],
    ["text that runs downwards with empty lines", "毒\r\n\r\n品"],
    ["quoted text", "money\n> laundering"],
    ["a mark that ends no clause", "毒，品"],
    ["digits for some letters", "h3r01n"],
  ])("finds a term over %s", (_what, text) => {
    expect(partsOf(text)).toEqual([text]);
  });

  it.each([
    ["two paragraphs", "We lost money\n\nLaundering is next"],
    ["two paragraphs with CR LF", "We lost money\r\n \r\nLaundering is next"],
    ["two items of a list", "- money\n- laundering"],
    ["two items of a list, one character each", "* 毒\n* 品"],
    ["two items with more signs", "• save money\n  • [ ] laundering"],
    ["a model number", "Samsung A55, 5S5"],
    ["two clauses", "這裡有毒，品質很差；他嗜賭；博學多聞"],
  ])("finds no term in %s", (_what, text) => {
    expect(partsOf(text)).toEqual([]);
  });

  it("finds a term of three letters with a mark between all of them, not behind a clause", () => {
    const loans = createLexicon([{ id: "loans", term: "高利贷", action: "block" }], "test");
    const textsOf = (text: string) =>
      moderate(text, loans).hits.map(({ start, end }) => text.slice(start, end));
    expect(textsOf("他放高，利，贷的事")).toEqual(["高，利，贷"]);
    expect(textsOf("楼很高，利贷都低")).toEqual([]);
    expect(textsOf("高利,贷的事")).toEqual(["高利,贷"]);
  });

  it("takes a flag for a picture wherever it is cut", () => {
    const text = "🇭🇨heroin";
    for (let at = 0; at <= text.length; at += 1) {
      const scan = new Scan(masking);
      scan.push(text.slice(0, at));
      scan.push(text.slice(at));
      expect(scan.finish(), `cut at ${at}`).toEqual(moderate(text, masking));
    }
  });

  it("judges a text in pieces as it judges the whole", () => {
    fc.assert(
      fc.property(splitText, ({ text, pieces }) => {
        const scan = new Scan(masking);
        for (const piece of pieces) scan.push(piece);
        expect(scan.finish()).toEqual(moderate(text, masking));
      }),
      { numRuns: 5000 },
    );
  });

  it("lets out of a stream what masking the whole text gives", () => {
    fc.assert(
      fc.property(splitText, ({ text, pieces }) => {
        const stream = new ModerationStream([masking]);
        const out = pieces.map((piece) => stream.push(piece)).join("") + stream.finish().text;
        expect(out).toBe(maskText(text, moderate(text, masking).hits));
      }),
      { numRuns: 5000 },
    );
  });

  it("lets out of a stream what masking by several lexicons gives", () => {
    const other = createLexicon(
      [
        { id: "inm", term: "in money", action: "mask" },
        { id: "p", term: "品", action: "mask" },
      ],
      "other",
    );
    const both = createModeration([masking, other]);
    fc.assert(
      fc.property(splitText, ({ text, pieces }) => {
        const stream = both.stream();
        const out = pieces.map((piece) => stream.push(piece)).join("") + stream.finish().text;
        expect(out).toBe(maskText(text, both.inspect(text).hits));
      }),
      { numRuns: 2000 },
    );
  });

  it("lets a text out in a bounded time where thousands of hits hang together", () => {
    const terms = ["甲乙", "乙丙", "丙甲"];
    const chained = createLexicon(
      terms.map((term) => ({ id: term, term, action: "mask" as const })),
      "chained",
    );
    const stream = new ModerationStream([chained]);
    const [text, size] = ["甲乙丙".repeat(11_000), 1000];
    const before = process.cpuUsage();
    let out = "";
    for (let at = 0; at < text.length; at += size) out += stream.push(text.slice(at, at + size));
    expect(out + stream.finish().text).toBe("*".repeat(text.length));
    // Some 20 ms on a usual machine; with a look at every hit for each that lets go of one 30 s.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(6000);
  });

  it("lets no letter of a blocked term out of a stream, and nothing after it", () => {
    const stream = new ModerationStream([lexicon]);
    const out = [..."說到毒 品，還有別的"].map((char) => stream.push(char)).join("");
    expect(out + stream.finish().text).toBe("說到");
  });

  it("holds back only what could become a hit", () => {
    const stream = new ModerationStream([lexicon]);
    expect(stream.push("今天天氣很好。").length).toBe(5);
    let held = 0;
    for (let turn = 0; turn < 2000; turn += 1) held += 9 - stream.push("今天天氣很好，hi").length;
    expect(held).toBeLessThan(64);
  });

  it("refuses lists that cannot be used, with every entry that is wrong", () => {
    const list = {
      terms: [
        { id: "a", term: "x", action: "shout" },
        { id: "b", action: "block", extra: 1 },
      ],
    };
    expect(() => parseTerms(JSON.stringify(list), "list.json")).toThrow(
      /list\.json[\s\S]*terms\[0\]: action[\s\S]*terms\[1\]/,
    );
    expect(() => parseTerms("no", "list.json")).toThrow(LexiconError);
    const term = (id: string, text: string) => ({ id, term: text, action: "block" as const });
    expect(() => createLexicon([term("a", "x"), term("a", "y")], "f")).toThrow(
      /terms\[1\] \(a\).*twice/,
    );
    expect(() => createLexicon([term("a", "!?*")], "f")).toThrow(/nothing is left/);
    expect(() => createLexicon([term("a", "C++")], "f")).toThrow(/single letter/);
    expect(() => createLexicon([term("a", "毒。品")], "f")).toThrow(/end of a sentence/);
  });

  it("takes a term twice under two ids, and reports both", () => {
    const twice = createLexicon(
      [
        { id: "one", term: "發票", action: "mask" },
        { id: "two", term: "发票", action: "review" },
      ],
      "f",
    );
    expect(
      moderate("開發票", twice)
        .hits.map(({ id }) => id)
        .sort(),
    ).toEqual(["one", "two"]);
  });
});
