import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DETECTORS } from "../../../../config/detectors.ts";
import { createDlp } from "../../../../core/safety/dlp/dlp.ts";
import type { Finding } from "../../../../core/safety/dlp/finding.ts";
import { fold } from "../../../../core/safety/dlp/folded.ts";

const PATTERNS = [
  "ab+",
  "\\bab\\b",
  "a[^#]*#",
  "(?s)x.*?1",
  "b{200,400}x",
  "(?m)^a.*$",
  "\\B1",
  "[ab]{3}\\s",
  "x|1#",
  "(?i)A\\d+",
];
const plain = fc.constantFrom(
  ...[
    "a",
    "b",
    "ab",
    "x",
    "1",
    "#",
    " ",
    "\n",
    "word ",
    "b".repeat(300),
    "lorem ipsum ".repeat(30),
  ],
);
// What folding turns into letters, digits and blanks, or leaves out.
const odd = fc.constantFrom(
  "ａ",
  "Ｂ",
  "%61",
  "%23",
  "\u200b",
  "１",
  "\ud835\udc1a",
  "\u00a0",
  "１１",
);
/** Long stretches that folding leaves alone, with a little between that it does not. */
const sparse = fc
  .array(fc.oneof({ weight: 12, arbitrary: plain }, { weight: 1, arbitrary: odd }), {
    maxLength: 80,
    size: "max",
  })
  .map((pieces) => pieces.join(""));

const none = Object.fromEntries(DETECTORS.map((name) => [name, "allow"] as const));
const isCovered = (findings: readonly Finding[], type: string, at: number): boolean =>
  findings.some((own) => own.type === type && own.start <= at && at < own.end);

describe("a text that folding changes here and there", () => {
  it.each(PATTERNS)("has all that %s matches in its folded form, and in itself", (pattern) => {
    const dlp = createDlp({ detectors: none, rules: [{ name: "r", pattern, action: "redact" }] });
    fc.assert(
      fc.property(sparse, (text) => {
        const { entities } = dlp.inspect(text);
        const folded = fold(text);
        for (const { type, start, end } of dlp.inspect(folded.text).entities) {
          for (let at = folded.startOf(start); at < folded.endOf(end); at++) {
            expect(isCovered(entities, type, at)).toBe(true);
          }
        }
        const flags = /^\(\?(\w)\)/.exec(pattern);
        const own = new RegExp(pattern.replace(/^\(\?\w\)/, ""), `g${flags?.[1] ?? ""}`);
        for (const match of text.matchAll(own)) {
          expect(isCovered(entities, "r", match.index)).toBe(true);
          expect(isCovered(entities, "r", match.index + match[0].length - 1)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("a folded text", () => {
  it("is as long in lower case", () => {
    const all = Array.from({ length: 0x11_0000 }, (_, code) =>
      code >= 0xd800 && code < 0xe000 ? "" : String.fromCodePoint(code),
    );
    const { text } = fold(all.join(""));
    expect(text.toLowerCase()).toHaveLength(text.length);
  });
});

describe("two hundred and forty usual rules", () => {
  let seed = 1;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const word = (): string =>
    Array.from(
      { length: 2 + below(8) },
      () => "etaoinshrdlucmfwypvbgkjqxz"[Math.min(below(26), below(26))],
    ).join("");
  const sentence = (): string =>
    `${Array.from({ length: 10 }, word).join(" ")} — ${word()} ${below(1000)}.`;
  const KINDS = [
    ...["\\bEMP-\\d{6}\\b", "(?i)project\\s+falcon", "機密[：:]\\S+"],
    ...["\\b(?:CN|TW)-\\d{4}-[A-Z]{2,4}\\b", "\\b[a-z0-9-]+\\.corp\\.example\\b"],
    "(?:薪資|工资|salary)[^\\n]{0,20}\\d{4,}",
    "(?i)\\b(?:confidential|internal only|secret)\\b",
    ...["(?i)invoice\\s*#?\\s*\\d+", "[\\w.+-]+@corp\\.example", "\\b\\d{4}-\\d{2}-\\d{2}\\b"],
  ];

  it("take nothing of 100 KiB in which they match nowhere, dashes that folding changes or not", () => {
    const rules = Array.from({ length: 240 }, (_, i) => ({
      name: `r${i}`,
      pattern: `(?:${KINDS[i % KINDS.length]})(?:${String.fromCharCode(97 + (i % 26))}|#${i})?`,
      action: "redact" as const,
    }));
    const text = Array.from({ length: 1500 }, sentence).join("\n");
    expect(text.length).toBeGreaterThan(100 * 1024);
    expect(createDlp({ detectors: none, rules }).inspect(text).entities).toEqual([]);
  });
});
