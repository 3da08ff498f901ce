import fc from "fast-check";
import { expect, it } from "vitest";
import { escapeMarkdown } from "../../channels/discord/markdown.ts";
import { type MarkdownForm, markdownKinds, renderMarkdown } from "../../channels/markdown.ts";
import { isOnlyWords } from "../../channels/only-words.ts";
import { processorMs } from "../fakes/processor-time.ts";

const marked = (inner: string): string => `<${inner}>`;

/** Shows whatever is recognised. */
const FORM: MarkdownForm = {
  text: (characters) => characters,
  strong: marked,
  emphasis: marked,
  strike: marked,
  code: marked,
  codeBlock: marked,
  link: marked,
  image: marked,
  heading: marked,
  quote: marked,
  item: (marker, inner) => marked(marker + inner),
  table: () => "<table>",
  rule: "<hr>",
};

const text = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("a", "Bc", "字", "é", "e\u0301", "שלום", "٣", "1") },
      {
        weight: 3,
        arbitrary: fc.constantFrom(" ", "\n", "\n\n", ". ", ", ", ": ", "-", "--", "http:"),
      },
      { weight: 1, arbitrary: fc.constantFrom(..."*_~`#>+|[]\\&<@/=\t\r\u00a0") },
      { weight: 2, arbitrary: fc.constantFrom(..."!?'\"()，。：；！？、“”‘’（）…;.)") },
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(""));

it("are shown by every reader as they stand", () => {
  let found = 0;
  fc.assert(
    fc.property(text, (words) => {
      if (!isOnlyWords(words)) return;
      found += 1;
      expect(renderMarkdown(words, FORM)).toBe(words);
      expect(markdownKinds(words).size).toBe(0);
      expect(escapeMarkdown(words)).toBe(words);
    }),
    { numRuns: 20_000 },
  );
  expect(found).toBeGreaterThan(1_000);
});

it.each([
  "Done.",
  "Hello Ann, your leave (3 days) was approved; enjoy it!",
  "你好，安娜：已批准（3 天）。",
  "First line\nsecond line\n\nnext paragraph",
])("is what %j is made of", (words) => expect(isOnlyWords(words)).toBe(true));

it.each([
  "",
  "# Title",
  "1. one",
  "2024 was good",
  "- one",
  "a\n- b",
  "a\n---",
  "a\n===",
  "a *b*",
  "see https://a.example",
  "a &amp; b",
  "two spaces at its end  \nbreak the line",
  "ends with a space ",
  "a\n",
  "a | b",
  "C:\\",
])("is not what %j is made of", (markdown) => expect(isOnlyWords(markdown)).toBe(false));

it("are asked about however long a text is", () => {
  const markdown = "字，".repeat(2_200_000);
  expect(isOnlyWords(markdown)).toBe(false);
});

it("are told in linear time", () => {
  const hostile = ["a ".repeat(50_000), `${"a\n".repeat(49_999)}*`, `a${"\n".repeat(99_998)}*`];
  for (const markdown of hostile) {
    expect(processorMs(() => expect(isOnlyWords(markdown)).toBe(false))).toBeLessThan(50);
  }
});
