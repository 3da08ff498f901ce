import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDlp } from "../../../../core/safety/dlp/dlp.ts";
import { processorMs } from "../../../fakes/processor-time.ts";

interface Labelled {
  readonly id: string;
  readonly text: string;
  readonly kind: "plain" | "negative" | "evasion";
  readonly types: readonly string[];
}
const FIXTURE = join(import.meta.dirname, "../../../fixtures/dlp/labelled.jsonl");
const labelled = readFileSync(FIXTURE, "utf8")
  .trim()
  .split("\n")
  .map((line): Labelled => JSON.parse(line));
const customerRules = [
  { name: "block_pii", pattern: "\\b\\d{3}-\\d{2}-\\d{4}\\b", action: "redact" },
  {
    name: "block_credit_card",
    pattern: "\\b\\d{4}[- ]?\\d{4}[- ]?\\d{4}[- ]?\\d{4}\\b",
    action: "block",
  },
  { name: "project", pattern: "(?i)project\\s+falcon", action: "block" },
  { name: "quoted", pattern: "<q>.*?</q>", action: "redact" },
  { name: "機密", pattern: "機密[：:]\\S+", action: "redact" },
] as const;

const dlp = createDlp();
const withRules = createDlp({ rules: customerRules });

describe("the labelled texts", () => {
  it.each([
    ["plain", 0.97],
    ["negative", 0.95],
    ["evasion", 0.75],
  ] as const)("are told right: %s", (kind, share) => {
    const lines = labelled.filter((line) => line.kind === kind);
    const wrong = lines.filter(({ text, types }) => {
      const found = new Set(dlp.inspect(text).entities.map(({ type }) => type));
      return [...found].sort().join() !== types.join();
    });
    expect(lines.length).toBeGreaterThan(70);
    expect(
      1 - wrong.length / lines.length,
      wrong.map(({ id }) => id).join(),
    ).toBeGreaterThanOrEqual(share);
  });
});

describe("a verdict", () => {
  it("blocks for the strongest of several findings", () => {
    const verdict = dlp.inspect("a@example.com paid with 4111 1111 1111 1111");
    expect(verdict).toEqual({
      action: "block",
      entities: [
        { type: "email", start: 0, end: 13 },
        { type: "credit_card", start: 24, end: 43 },
      ],
    });
  });

  it("counts in the original's units, behind what folding drops and joins", () => {
    const text = "😀\u200b卡 ４１１１\u200b１１１１１１１１１１１１!";
    const [card] = dlp.inspect(text).entities;
    expect(text.slice(card?.start, card?.end)).toBe("４１１１\u200b１１１１１１１１１１１１");
  });

  it("follows the actions that it was given", () => {
    const soft = createDlp({ detectors: { credit_card: "redact", email: "allow" } });
    expect(soft.inspect("4111111111111111").action).toBe("redact");
    expect(soft.inspect("a@example.com")).toEqual({ action: "allow", entities: [] });
    const watching = createDlp({ detectors: { email: "report", credit_card: "redact" } });
    const text = "a@example.com paid with 4111111111111111";
    const { action, entities } = watching.inspect(text);
    expect(action).toBe("redact");
    expect(watching.redact(text, entities)).toBe("a@example.com paid with [credit_card]");
    expect(watching.inspect("a@example.com").action).toBe("report");
  });

  it("lets the stronger of two findings have what both cover, and leaves nothing uncovered", () => {
    const text = "<q>my card 4111111111111111 is gone</q>";
    const { entities } = withRules.inspect(text);
    expect(entities.map(({ type }) => type)).toEqual(["quoted", "credit_card", "quoted"]);
    expect(withRules.redact(text, entities)).toBe("[quoted][credit_card][quoted]");
  });
});

describe("the customer's rules", () => {
  it("match full-width digits and text with invisible characters", () => {
    expect(withRules.inspect("１２３４-１２３４-１２３４-１２３４").action).toBe("block");
    expect(withRules.inspect("pro\u200bject falcon").action).toBe("block");
    expect(withRules.inspect("機密：甲案").entities).toEqual([{ type: "機密", start: 0, end: 5 }]);
  });

  it("match what the regular expressions of JavaScript match", () => {
    const patterns = ["a+b", "\\bab?\\b", "(?:a|ab)(?:c|bcd)?", "^b.*a$", "a.*?b|c", "[^a]b{1,2}"];
    for (const pattern of patterns) {
      const own = createDlp({ rules: [{ name: "r", pattern, action: "redact" }] });
      fc.assert(
        fc.property(fc.stringMatching(/^[abcd \n]{0,24}$/), (text) => {
          const expected = [...text.matchAll(new RegExp(pattern, "gu"))].map((match) => ({
            type: "r",
            start: match.index,
            end: match.index + match[0].length,
          }));
          expect(own.inspect(text).entities).toEqual(expected);
        }),
      );
    }
  });

  it("refuses a pattern that RE2 cannot express", () => {
    const rules = [{ name: "r", pattern: "(?=a)b", action: "block" }] as const;
    expect(() => createDlp({ rules })).toThrow("rule r: RE2 cannot express its pattern");
  });
});

// Pieces of what detectors know, so that random texts come close to hits.
const fragments = fc.oneof(
  fc.constantFrom(...labelled.map(({ text }) => text)),
  fc.constantFrom(
    "4111",
    "1111",
    " ",
    "-",
    "\n",
    "\u200b",
    "１",
    "@",
    ".com",
    "password",
    "=",
    "是",
  ),
  fc.constantFrom("DE89", "A1", "sk-", "-----BEGIN PRIVATE KEY-----", "然後", "<q>", "</q>", "😀"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const texts = fc.array(fragments, { maxLength: 8 }).map((parts) => parts.join(""));

describe("any text", () => {
  it("is redacted without touching another unit", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { entities } = withRules.inspect(text);
        let from = 0;
        let expected = "";
        for (const { type, start, end } of entities) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          expected += `${text.slice(from, start)}[${type}]`;
          from = end;
        }
        expect(from).toBeLessThanOrEqual(text.length);
        expect(withRules.redact(text, entities)).toBe(expected + text.slice(from));
      }),
      { numRuns: 300 },
    );
  });

  it("gets the same verdict however it is cut", () => {
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1 }),
        (text, cuts) => {
          const stream = withRules.stream();
          const pieces = [];
          for (let at = 0, i = 0; at < text.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            pieces.push(stream.push(text.slice(at, at + size)));
            at += size;
          }
          pieces.push(stream.end());
          expect(pieces.map((piece) => piece.text).join("")).toBe(text);
          expect(stream.verdict()).toEqual(withRules.inspect(text));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("a stream", () => {
  it("holds ordinary Chinese back for no longer than it must", () => {
    const stream = dlp.stream();
    expect(stream.push("今天的會議改到下午三點，請大家準時參加").text.length).toBeGreaterThan(15);
  });

  it("lets nothing of a number out before it is complete", () => {
    const stream = dlp.stream();
    const early = [..."卡號 4111 1111 1111 1111"].map((char) => stream.push(char).text).join("");
    expect(early).not.toContain("4");
    expect(stream.end()).toMatchObject({ action: "block", entities: [{ type: "credit_card" }] });
  });
});

describe("hostile texts", () => {
  const rules = Array.from({ length: 20 }, (_, i) => ({
    name: `r${i}`,
    pattern: customerRules[i % 4]?.pattern ?? "x",
    action: "redact" as const,
  }));
  const many = createDlp({
    rules: [...rules, { name: "nested", pattern: "(a+)+b|a.*z", action: "block" }],
  });
  it.each([
    "1 ",
    "a",
    "a@",
    "DE89 ",
    "password=",
    "s k - ",
    "-----BEGIN PRIVATE KEY-----\n",
    "1\u200b",
    "ab",
    "az",
    "4111 ",
    "x at y dot ",
    "eyJaaaaaaaaaa.",
    "a://a:",
    'token="',
    "A1 ",
  ])("cost no more than their share: %j repeated", (unit) => {
    const text = unit.repeat(Math.ceil(262_144 / unit.length));
    // Some 0.2 s on a usual machine; quadratic growth would be half a minute at least.
    expect(processorMs(() => many.inspect(text))).toBeLessThan(6000);
  });
});
