import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLexiconLoader } from "../../../../core/safety/moderation/load-lexicon.ts";
import { moderate } from "../../../../core/safety/moderation/scan.ts";

interface Line {
  readonly id: string;
  readonly kind: "plain" | "evasion" | "negative" | "hard-negative";
  readonly text: string;
  readonly hits: readonly string[];
}

const folder = join(import.meta.dirname, "../../../fixtures/moderation");
const lines = readFileSync(join(folder, "labelled.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);
const lexicon = createLexiconLoader()(join(folder, "lexicon.json"));

/** Lines whose hits are not those of the label. */
const wrongOf = (kind: Line["kind"]) => {
  const ofKind = lines.filter((line) => line.kind === kind);
  const wrong = ofKind.flatMap(({ id, text, hits }) => {
    const found = [...new Set(moderate(text, lexicon).hits.map((hit) => hit.id))];
    return found.join() === hits.join() ? [] : [{ id, text, hits, found }];
  });
  return { count: ofKind.length, wrong };
};

describe("the labelled texts", () => {
  it.each(["plain", "evasion", "negative", "hard-negative"] as const)(
    "are judged as labelled: %s",
    (kind) => {
      const { count, wrong } = wrongOf(kind);
      expect(count).toBeGreaterThan(30);
      expect(wrong).toEqual([]);
    },
  );
});
