import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSpans } from "../../../channels/wecom/markdown-spans.ts";
import { MAX_TEXT_BYTES, render } from "../../../channels/wecom/render.ts";
import { splitText } from "../../../channels/wecom/split.ts";
import { processorMs } from "../../fakes/processor-time.ts";

const LIMIT = 64;
const bytes = (text: string): number => Buffer.byteLength(text);

const segments = (text: string, granularity: "grapheme" | "word"): Set<number> =>
  new Set(
    [...new Intl.Segmenter(undefined, { granularity }).segment(text)].map(({ index }) => index),
  );

/** Where the parts end, except the last one. */
const cutsOf = (parts: readonly string[]): readonly number[] => {
  let at = 0;
  return parts.slice(0, -1).map((part) => {
    at += part.length;
    return at;
  });
};

const pieces = (...extra: readonly fc.Arbitrary<string>[]) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(" ", " ", "\n", "\n\n", ". ", "。", "，", "\r\n", "\t", "- ", "* "),
        fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 1, maxLength: 12 }),
        fc.constantFrom("你好世界", "我們今天去公園", "日本語の文章", "สวัสดีครับ", "é", "한국어"),
        fc.constantFrom("👩‍👩‍👧‍👦", "🇨🇳", "👍🏽", "é", "नि", "각"),
        ...extra,
      ),
      { maxLength: 80 },
    )
    .map((list) => list.join(""));

const markdown = fc.constantFrom(
  "**some bold words**",
  "*some italic words*",
  "_some more words_",
  "`some code here`",
  "``code with ` in it``",
  "[a link text](https://example.com/a_b?c=d)",
  "**bold with `code` in it**",
);

describe("splitText", () => {
  it("gives parts that are the text when joined, none too long, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.oneof(pieces(markdown), fc.string({ unit: "binary", maxLength: 400 })),
        fc.integer({ min: 4, max: 200 }),
        (text, limit) => {
          const parts = splitText(text, limit);
          expect(parts.join("")).toBe(text);
          for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(limit);
          if (text !== "") for (const part of parts) expect(part).not.toBe("");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never cuts through a visible character that fits a part", () => {
    fc.assert(
      fc.property(pieces(markdown), (text) => {
        const borders = segments(text, "grapheme");
        for (const cut of cutsOf(splitText(text, LIMIT))) expect(borders).toContain(cut);
      }),
      { numRuns: 500 },
    );
  });

  it("never cuts through a word that fits a part", () => {
    const spaced = /[\p{sc=Latin}\p{sc=Hangul}\p{N}]/u;
    fc.assert(
      fc.property(pieces(), (text) => {
        fc.pre(Math.max(0, ...text.split(/\s+/).map(bytes)) <= LIMIT);
        for (const cut of cutsOf(splitText(text, LIMIT))) {
          const isInWord = spaced.test(text.charAt(cut - 1)) && spaced.test(text.charAt(cut));
          expect(isInWord, text.slice(cut - 5, cut + 5)).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["Chinese", "我們今天去公園看電影然後回家吃飯睡覺明天再去學校上課"],
    ["Thai", "สวัสดีครับยินดีที่ได้รู้จักวันนี้อากาศดีมาก"],
  ])("cuts %s between words, without spaces to go by", (_name, text) => {
    const borders = segments(text, "word");
    for (let limit = 24; limit < 60; limit += 1) {
      for (const cut of cutsOf(splitText(text, limit)).slice(0, 1)) expect(borders).toContain(cut);
    }
  });

  it("never cuts through inline Markdown that fits a part", () => {
    const words = fc.constantFrom(
      "word",
      "other",
      "你好",
      "**some bold words**",
      "`some code here`",
    );
    const links = fc.constantFrom("[a link text](https://example.com/a_b)", "*some italic words*");
    const sentence = fc
      .array(fc.oneof(words, links), { maxLength: 40 })
      .map((list) => list.join(" "));
    fc.assert(
      fc.property(sentence, (text) => {
        for (const cut of cutsOf(splitText(text, LIMIT))) {
          for (const [start, end] of findSpans(text)) {
            if (bytes(text.slice(start, end)) > LIMIT) continue;
            expect(cut <= start || cut >= end, `${cut} in ${text.slice(start, end)}`).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("never parts a line break of two characters, or a space and the mark on it", () => {
    const full = "a ".repeat(31);
    expect(splitText(`${full}b\r\nccc`, LIMIT)[0]).toBe(full);
    expect(splitText(`${full}b \u0301ccc`, LIMIT)[0]).toBe(full);
  });

  it("leaves what fits as it is", () => {
    expect(splitText("", LIMIT)).toEqual([""]);
    expect(splitText("x".repeat(LIMIT), LIMIT)).toEqual(["x".repeat(LIMIT)]);
    expect(splitText(`${"你".repeat(21)}x`, LIMIT)).toHaveLength(1);
  });

  it("cuts between paragraphs before lines, lines before sentences, sentences before words", () => {
    const a = "a".repeat(40);
    const first = (text: string) => splitText(text, LIMIT)[0];
    expect(first(`${a}\n\nb b. c\nd d d d d d d d d d d d`)).toBe(`${a}\n\n`);
    expect(first(`${a} \n \r\n b b. c\nd d d d d d d d d d d d`)).toBe(`${a} \n \r\n`);
    expect(first(`${a}\nb b. c d d d d d d d d d d d d`)).toBe(`${a}\n`);
    expect(first(`${a} b. c c c c c c c c c c c c c c c`)).toBe(`${a} b. `);
    expect(first(`${a} b "b." c c c c c c c c c c c c c c`)).toBe(`${a} b "b." `);
    expect(first(`${a} b c c c c c c c c c c c c c c c`)).toBe(`${a} b ${"c ".repeat(10)}`);
    expect(first(`${"你好吗".repeat(5)}。他很好他很好他很好他很好`)).toBe(
      `${"你好吗".repeat(5)}。`,
    );
  });

  it("does not make a part of a short paragraph for its own sake", () => {
    const text = `a\n\n${"word ".repeat(30)}`;
    expect(bytes(splitText(text, LIMIT)[0] ?? "")).toBeGreaterThan(LIMIT / 2);
  });

  it("puts a long word on its own before it cuts it", () => {
    const text = `a ${"b".repeat(100)}`;
    expect(splitText(text, LIMIT)).toEqual(["a ", "b".repeat(64), "b".repeat(36)]);
  });

  it("cuts inside Markdown only when it is longer than a part, and then between words", () => {
    const text = `**${"bold ".repeat(20)}end**`;
    for (const cut of cutsOf(splitText(text, LIMIT))) expect(text.charAt(cut - 1)).toBe(" ");
  });

  it("does not begin a part with Chinese punctuation", () => {
    const text = "今天天气很好，".repeat(30);
    for (const part of splitText(text, LIMIT).slice(1)) expect(part).toMatch(/^[今天气很好]/u);
  });

  it("cuts a visible character only when it alone is longer than a part", () => {
    const text = `a${"\u0301".repeat(100)}`;
    expect(splitText(text, LIMIT).join("")).toBe(text);
  });

  it.each([
    ["words", "hello world foo "],
    ["one word", "a"],
    ["Chinese", "今天天气很好我们去公园玩"],
    ["emoji", "👨‍👩‍👧‍👦"],
    ["backticks", "` `` ``` "],
    ["open brackets", "[a]("],
    ["open emphasis", "*a _b "],
    ["crossed emphasis", "*a _b* c_ "],
    ["line breaks", "\n"],
    ["backslashes", "\\"],
    ["combining marks", "\u0301"],
  ])("takes linear time for 60 KB and 600 KB of %s", (_name, unit) => {
    const timeOf = (size: number): number => {
      const text = unit.repeat(Math.floor(size / bytes(unit)));
      return processorMs(() => splitText(text, MAX_TEXT_BYTES));
    };
    expect(timeOf(60_000)).toBeLessThan(500);
    expect(timeOf(600_000)).toBeLessThan(5_000);
  });
});

describe("findSpans", () => {
  const found = (text: string) => findSpans(text).map(([start, end]) => text.slice(start, end));

  it.each([
    ["**bold** and *italic* and _this_", ["**bold**", "*italic*", "_this_"]],
    ["`code *no*` *yes*", ["`code *no*`", "*yes*"]],
    ["``a ` b`` `c`", ["``a ` b``", "`c`"]],
    ["[text](url) [only text]", ["[text](url)"]],
    ["[**bold**](url)", ["**bold**", "[**bold**](url)"]],
    ["2 * 3 * 4 and snake_case_name", []],
    ["\\*no\\* \\`no\\`", []],
    ["*open\n\nclose*", []],
    ["`open\n\nclose`", []],
    ["*two\nlines*", ["*two\nlines*"]],
  ])("in %j", (text, spans) => {
    expect(found(text)).toEqual(spans);
  });
});

describe("render", () => {
  const rendered = (text: string) => render({ kind: "text", markdown: text, isVerbatim: true });

  it("removes what XML cannot carry, and nothing else", () => {
    expect(rendered("a\u0000b\u0008c\u000b\u001f\ufffe\uffff\ud83d d\udc00")).toEqual(["abc d"]);
    expect(rendered("\t\n\r\u007f\u0085\ufffd\u{1f600}")).toEqual([
      "\t\n\r\u007f\u0085\ufffd\u{1f600}",
    ]);
  });

  it("renders a refusal like an answer", () => {
    const refusal = {
      kind: "refusal",
      code: "NOT_PERMITTED",
      markdown: "No. [NOT_PERMITTED]",
    } as const;
    expect(render(refusal)).toEqual(["No. [NOT_PERMITTED]"]);
  });

  it("cuts at 2048 bytes, not characters", () => {
    for (const part of rendered("你".repeat(5000))) expect(bytes(part)).toBeLessThanOrEqual(2048);
  });
});
