import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../../../channels/discord/split.ts";

const fences = (part: string): number => part.match(/```/g)?.length ?? 0;

/** The parts with the fences taken out that only hold a cut block together. */
const joined = (parts: readonly string[]): string =>
  parts.reduce((text, part) => {
    const opened = /^```[\w+#.-]*\n/.exec(part)?.[0] ?? "";
    const isCut = opened !== "" && /(?:^|\n)```$/.test(text) && fences(text) % 2 === 0;
    if (!isCut) return text + part;
    // The fence stands behind a line break of the text, or behind one of its own.
    const withoutFence = text.slice(0, -3);
    return withoutFence + part.slice(opened.length);
  }, "");

const code = (lines: number, language = "python"): string =>
  [
    `\`\`\`${language}`,
    ...Array.from({ length: lines }, (_, i) => `line_${i} = ${i} * 2`),
    "```",
  ].join("\n");

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom("\n", "\n\n", " ", "```", "```js\n", "\n```\n", "``", "`", ". ", "。"),
      fc.constantFrom("你好世界", "👩‍👩‍👧‍👦", "🇨🇳", "é", "مرحبا", "a".repeat(90)),
      fc.string({ unit: fc.constantFrom(..."abcdef"), minLength: 1, maxLength: 20 }),
    ),
    { maxLength: 120 },
  )
  .map((pieces) => pieces.join(""));

describe("splitText", () => {
  it("gives parts within the limit that each close their fences, whatever the text", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 64, max: 300 }), (text, limit) => {
        const parts = splitText(text, limit);
        expect(parts.length).toBeGreaterThan(0);
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(limit);
          expect(part.trim() === "" && parts.length > 1).toBe(false);
          if (parts.length > 1) expect(fences(part) % 2).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("loses, adds and turns around no letter, whatever the text", () => {
    const letters = (text: string) => text.replace(/[\s`]/g, "");
    // A language is written again in each part, so its letters may well be more.
    const namesLanguage = /```[\w+#.-]{1,20}\n/;
    fc.assert(
      fc.property(
        hostile.filter((text) => !namesLanguage.test(text)),
        fc.integer({ min: 64, max: 300 }),
        (text, limit) => {
          expect(splitText(text, limit).map(letters).join("").replace("\u200b", "")).toBe(
            letters(text),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("cuts through no visible character", () => {
    const family = "👩‍👩‍👧‍👦";
    for (const part of splitText(family.repeat(200), 100)) {
      expect(part.length % family.length).toBe(0);
    }
  });

  it("opens a cut block again in its language and loses no line of it", () => {
    const text = `Before.\n\n${code(300)}\n\nAfter.`;
    const parts = splitText(text, 2000);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts.slice(1)) expect(part).toMatch(/^```python\n/);
    for (const part of parts.slice(0, -1)) expect(part).toMatch(/\n```$/);
    expect(joined(parts)).toBe(text);
  });

  it("takes the end of a block along rather than begin a part with it", () => {
    for (let lines = 100; lines < 120; lines += 1) {
      for (const part of splitText(`${code(lines)}\n${"word ".repeat(500)}`, 2000)) {
        expect(part).not.toMatch(/```\w*\n+```/);
      }
    }
  });

  it("leaves a text that fits as it is, an open fence in it too", () => {
    expect(splitText("a ``` b", 2000)).toEqual(["a ``` b"]);
  });

  it("cuts between paragraphs where there are some", () => {
    const paragraph = `${"words and words ".repeat(50).trim()}.`;
    const parts = splitText([paragraph, paragraph, paragraph].join("\n\n"), 2000);
    expect(parts.map((part) => part.trim())).toEqual([`${paragraph}\n\n${paragraph}`, paragraph]);
  });

  it("says something unseen where there are only blanks", () => {
    expect(splitText("", 2000)).toEqual(["\u200b"]);
    expect(splitText("\n".repeat(5000), 2000)).toEqual(["\u200b"]);
  });

  it("takes linear time on 200 KB of backticks, of blanks and of one word", () => {
    for (const unit of ["`", "\n", "a", "```\n", "👩‍👩‍👧‍👦"]) {
      expect(splitText(unit.repeat(200_000 / unit.length), 2000).length).toBeGreaterThan(0);
    }
  });
});
