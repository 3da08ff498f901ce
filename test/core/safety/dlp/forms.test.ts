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
