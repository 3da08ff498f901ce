import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type MarkdownForm, renderMarkdown } from "../../channels/markdown.ts";

/** How one channel shows an answer. */
export interface AnswerHarness {
  /** The texts that the platform is sent for an answer in Markdown, one for each message. */
  render(markdown: string): readonly string[];
  /** What a person reads of such a text: escapes undone, links as their words and their address. */
  read(text: string): string;
  /** Longest text in the platform's unit. */
  readonly max: number;
  /** Size of a text in the platform's unit. Default: UTF-16 units. */
  readonly sizeOf?: (text: string) => number;
  /** Whether the platform has code fences. */
  readonly hasFences: boolean;
  /** What the platform would take for a mention; absent where a text cannot hold one. */
  readonly mention?: RegExp;
}

const FOLDER = join(import.meta.dirname, "..", "fixtures", "answers");

/** The answers that every channel is tested with: name and Markdown. */
const answers: readonly (readonly [string, string])[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".md"))
  .sort()
  .map((file) => [file.replace(/\.md$/, ""), readFileSync(join(FOLDER, file), "utf8").trim()]);

/** What every channel's renderer promises for the corpus of answers. */
export const describeAnswers = (name: string, harness: AnswerHarness): void => {
  const { render, read, max, sizeOf = (text) => text.length, hasFences, mention } = harness;

  describe(`${name} shows an answer`, () => {
    it("has answers to look at", () => {
      expect(answers.length).toBeGreaterThan(10);
    });

    it.each(answers)("whose words are all there: %s", (_, markdown) => {
      const shown = render(markdown).map(read).join("\n").normalize("NFC");
      const missing = wordsOf(markdown).filter((word) => !shown.includes(word));
      expect(missing).toEqual([]);
    });

    it.each(answers)("in parts that the platform takes: %s", (_, markdown) => {
      const parts = render(markdown);
      expect(parts.length).toBeGreaterThan(0);
      for (const part of parts) {
        expect(sizeOf(part)).toBeLessThanOrEqual(max);
        expect(part.isWellFormed()).toBe(true);
        expect(part.trim()).not.toBe("");
      }
    });

    it.skipIf(!hasFences).each(answers)("with every fence closed where it ends: %s", (_, text) => {
      for (const part of render(text)) {
        const fences = part.split("\n").filter((line) => /^\s*(?:> ?)*`{3,}[\w-]*$/.test(line));
        expect(fences.length % 2).toBe(0);
      }
    });

    it.skipIf(!mention).each(answers)("that calls nobody: %s", (_, markdown) => {
      for (const part of render(markdown)) expect(part).not.toMatch(mention ?? /^/);
    });

    it.each(answers)("the same way each time: %s", (_, markdown) => {
      expect(render(markdown)).toEqual(render(markdown));
    });
  });
};

/** What is said without its markup, which ends words: not every platform can show it. */
const wordsOf = (markdown: string): readonly string[] =>
  renderMarkdown(markdown, WORDS)
    .normalize("NFC")
    .match(/[\p{L}\p{N}\p{Emoji_Presentation}]+/gu) ?? [];

const WORDS: MarkdownForm = {
  text: (characters) => characters,
  strong: (inner) => ` ${inner} `,
  emphasis: (inner) => ` ${inner} `,
  strike: (inner) => ` ${inner} `,
  code: (characters) => ` ${characters} `,
  codeBlock: (characters) => characters,
  link: (label, url) => ` ${label} ${url} `,
  image: (label, url) => ` ${label} ${url} `,
  heading: (inner) => inner,
  quote: (inner) => inner,
  item: (_, inner) => inner,
  // What names the rows may go without saying.
  table: ([header = [], ...rows]) => [header.slice(1), ...rows].flat().join("\n"),
  rule: "",
};
