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

  it("match the same whether they are looked for alone or together", () => {
    const patterns = ["a+b", "\\bab?\\b", "(?:a|ab)(?:c|bcd)?", "b.*a$", "a.*?b|c", "[^a]b{1,2}"];
    const rules = Array.from({ length: 36 }, (_, i) => ({
      name: `r${i}`,
      pattern: i % 6 === 5 ? `${patterns[i % 6]}` : `${patterns[i % 6]}|x{${i}}y`,
      action: "redact" as const,
    }));
    const together = createDlp({ rules: rules.toReversed() });
    const alone = rules.map((rule) => createDlp({ rules: [rule] }));
    fc.assert(
      fc.property(fc.stringMatching(/^[abcdxy \n１]{0,600}$/), (text) => {
        const isCovered = (entities: readonly { start: number; end: number }[]) => {
          const covered = new Uint8Array(text.length);
          for (const { start, end } of entities) covered.fill(1, start, end);
          return covered.join("");
        };
        const expected = alone.flatMap((own) => own.inspect(text).entities);
        expect(isCovered(together.inspect(text).entities)).toBe(isCovered(expected));
      }),
      { numRuns: 50 },
    );
  });

  it("take no other character for a letter whose sign for kelvin was seen before", () => {
    const own = createDlp({ rules: [{ name: "r", pattern: "(?i:k)", action: "redact" }] });
    expect(own.inspect("\u212a").entities).toEqual([{ type: "r", start: 0, end: 1 }]);
    expect(own.inspect("一{").entities).toEqual([]);
  });

  it("match no half of a character", () => {
    const own = createDlp({ rules: [{ name: "r", pattern: "[^a]b|.c", action: "redact" }] });
    expect(own.inspect("😀b, 😀c").entities).toEqual([
      { type: "r", start: 0, end: 3 },
      { type: "r", start: 5, end: 8 },
    ]);
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
    "4OOO OOOO OO",
    "OO OOO2",
    "&#64;",
    "&#x31;&#8203;",
    "=",
    "是",
  ),
  fc.constantFrom(
    "一三八",
    "〇〇一三八〇〇〇",
    "、",
    "①",
    "O",
    "。com",
    "-u bob:",
    "+86",
    "\u0301",
  ),
  fc.constantFrom(
    "DE89",
    "A1",
    "sk-",
    "-----BEGIN PRIVATE KEY-----",
    " and",
    "然後",
    "<q>",
    "</q>",
    "😀",
  ),
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

describe("a stream that begins with what folding leaves out", () => {
  it("comes to an end, and loses nothing", () => {
    const own = createDlp({ rules: [{ name: "r", pattern: "[^a]+", action: "redact" }] });
    const text = "\u200bｂc d";
    const stream = own.stream();
    const pieces = [...text].map((char) => stream.push(char).text);
    expect(pieces.join("") + stream.end().text).toBe(text);
    expect(stream.verdict()).toEqual(own.inspect(text));
  });
});

// Twenty rules of a kind each; the texts are 100 KiB and hold something to be found near their end.
const letterOf = (i: number): string => String.fromCharCode(97 + i);
const HOSTILE: readonly (readonly [kind: string, pattern: (i: number) => string])[] = [
  ["match at every character", (i) => `[a-z0-9${letterOf(i)}]|EMP-\\d`],
  ["nearly match at every character", (i) => `[a-z0-9 ]{1,${5 + i}}[.]${letterOf(i)}#|EMP-\\d`],
  ["grow their automaton", (i) => `[a-${letterOf(i + 2)}]*${letterOf(i)}[a-z]{${10 + i}}#|EMP-\\d`],
  ["count up to a hundred", (i) => `.{1,100}${letterOf(i)}#|EMP-\\d`],
  ["look for two ends", (i) => `a.*#${i}|b|EMP-\\d`],
];

describe("hostile rules", () => {
  let seed = 7;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const random = Array.from({ length: 102_400 }, () => "ab c1"[below(5)] ?? "").join("");
  const text = `${random.slice(0, 102_380)} of EMP-123456, \u200b`;

  it.each(HOSTILE)("that %s cost a bounded time, and nothing they match gets through", (_, of) => {
    const rules = Array.from({ length: 20 }, (_, i) => ({
      name: `r${i}`,
      pattern: of(i),
      action: i === 7 ? ("block" as const) : ("redact" as const),
    }));
    const own = createDlp({ rules });
    // Some 15 ms on a usual machine, once compiled; rule by rule it was half a second and more.
    expect(processorMs(() => own.inspect(text))).toBeLessThan(2000);
    const { action, entities } = own.inspect(text);
    const staff = text.indexOf("EMP-1");
    const over = entities.filter(({ start, end }) => start < staff + 5 && end > staff);
    expect(over.at(0)?.start).toBeLessThanOrEqual(staff);
    expect(over.at(-1)?.end).toBeGreaterThanOrEqual(staff + 5);
    expect(over.slice(1).every(({ start }, i) => start === over[i]?.end)).toBe(true);
    expect(action).toBe("block");
    // What was looked at before makes no difference.
    for (const other of [random.slice(5000, 9000), "EMP-1", "b a #7"]) own.inspect(other);
    expect(own.inspect(text)).toEqual({ action, entities });
    expect(createDlp({ rules }).inspect(text)).toEqual({ action, entities });
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
    "一、1 ",
    "lO1 ",
  ])("cost no more than their share: %j repeated", (unit) => {
    const text = unit.repeat(Math.ceil(262_144 / unit.length));
    // Some 0.2 s on a usual machine; quadratic growth would be half a minute at least.
    expect(processorMs(() => many.inspect(text))).toBeLessThan(6000);
  });

  it("cost no more where thousands of findings overlap, one the next, at a stream's end", () => {
    const patterns = ["甲乙", "乙丙", "丙甲"];
    const rules = patterns.map((pattern) => ({
      name: pattern,
      pattern,
      action: "redact" as const,
    }));
    const own = createDlp({ rules });
    const stream = own.stream();
    const [text, size] = ["甲乙丙".repeat(20_000), 100];
    // Some 0.4 s on a usual machine; with a look at every finding for each that is let go 14 s.
    const took = processorMs(() => {
      for (let at = 0; at < text.length; at += size) stream.push(text.slice(at, at + size));
    });
    expect(took).toBeLessThan(6000);
    stream.end();
    expect(stream.verdict()).toEqual(own.inspect(text));
  });

  it("cost no more where one finding after the other leaves a stream's end open", () => {
    const own = createDlp({ rules: [{ name: "gap", pattern: "\\s+\\S", action: "redact" }] });
    const stream = own.stream();
    const unit =
      "~~~!-!~senha=OsOGeyzk-c-w-GnRv0Q5N2NERe3.Tb5mWR.xVEsMHEq3DlECu2 NO93 8601 1117 947x";
    const text = unit.repeat(3_000);
    // Half a second on a usual machine; with a look at the whole text for each finding twenty.
    expect(processorMs(() => stream.push(text))).toBeLessThan(6000);
    stream.end();
    expect(stream.verdict()).toEqual(own.inspect(text));
  });
});
