import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeMarkdown, toDiscordMarkdown } from "../../../channels/discord/markdown.ts";
import { fromBody } from "../../../channels/discord/outgoing.ts";
import { render } from "../../../channels/discord/render.ts";
import { memberSees } from "./member-sees.ts";

const CORPUS = new URL("../../fixtures/answers/", import.meta.url);
// Very long ones become a file.
const MOST = 12_000;
const answers = readdirSync(CORPUS).map((name) => {
  const whole = readFileSync(new URL(name, CORPUS), "utf8");
  return [name, whole.slice(0, MOST)] as const;
});

const contentsOf = (markdown: string): readonly string[] =>
  render({ kind: "text", markdown }).map((body) => {
    const outgoing = fromBody(body);
    if (outgoing.kind === "text") return outgoing.content;
    throw new Error(outgoing.kind);
  });

// What would call somebody, or look as if it did.
const MENTION = /@everyone|@here|<@[!&]?\d+>|<#\d+>|<id:\w+>|<\/\w[\w ]*:\d+>/;

describe("the corpus of answers", () => {
  it.each(answers)("%s: parts that fit, close their fences and call nobody", (_, markdown) => {
    const parts = contentsOf(markdown);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(2000);
      expect((part.match(/```/g)?.length ?? 0) % 2).toBe(0);
      expect(part.replace(/```[\s\S]*?```|`[^`\n]*`/g, "")).not.toMatch(MENTION);
    }
  });

  it.each(answers)("%s: every word is there, in its order", (_, markdown) => {
    // Rows are told one after the other, so a header comes once for each.
    const words = (text: string) => text.match(/\p{L}{2,}|\p{N}+/gu) ?? [];
    const seen = new Set(words(contentsOf(markdown).join("\n")));
    const fences = /^ {0,3}(?:`{3,}|~{3,}).*$/gm;
    const missing = words(markdown.replace(fences, "").replace(/&\w+;/g, " ")).filter(
      (word) => !seen.has(word),
    );
    expect(missing).toEqual([]);
  });
});

describe("toDiscordMarkdown", () => {
  it.each([
    ["**bold** and *it* and ~~no~~", "**bold** and *it* and ~~no~~"],
    ["# One\n#### Four", "# One\n**Four**"],
    ["a\n\n---\n\nb", "a\n\n———\n\nb"],
    ["- a\n  - b\n    1. c", "- a\n  - b\n    1. c"],
    ["```py\nx = 1\n```", "```py\nx = 1\n```"],
    ["[docs](https://example.com/a_(b))", "[docs](https://example.com/a_%28b%29)"],
    ["[https://bank.example](https://evil.example)", "https://bank.example (https://evil.example)"],
    ["[x](javascript:alert(1))", "\\[x](javascript:alert(1))"],
    ["![a chart](https://example.com/c.png)", "[a chart](https://example.com/c.png)"],
    ["see https://example.com/a_b_c*d* now", "see https://example.com/a_b_c*d* now"],
    ["snake_case_name and 2 * 3 * 4", "snake_case_name and 2 \\* 3 \\* 4"],
    ["`` a`b ``", "`` a`b ``"],
    ["a || b ||c||", "a \\|\\| b \\|\\|c\\|\\|"],
  ])("shows %j as it is meant", (markdown, shown) => {
    expect(toDiscordMarkdown(markdown)).toBe(shown);
  });

  it("tells the rows of a table one after the other", () => {
    const table = "| City | Rain |\n| --- | --- |\n| **Oslo** | 3 |\n| Bergen | 9 |";
    expect(toDiscordMarkdown(table)).toBe("City: **Oslo**\n- Rain: 3\n**City: Bergen**\n- Rain: 9");
  });

  it("lets no fence inside a block end it", () => {
    const shown = toDiscordMarkdown("````md\n```js\nx\n```\n````");
    expect(shown.match(/```/g)).toHaveLength(2);
  });
});

describe("escapeMarkdown", () => {
  it("shows a text as the characters that it is, whatever is in it", () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(
          "*",
          "**",
          "_",
          "__",
          "~~",
          "||",
          "`",
          "```",
          "\\",
          "[",
          "](",
          ")",
          "<",
          ">",
        ),
        fc.constantFrom("# ", "- ", "> ", ">>> ", "1. ", "-# ", "\n", " ", "@everyone", "<@1>"),
        fc.string({ unit: fc.constantFrom(..."ab1 "), maxLength: 4 }),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join("");
        expect(memberSees(escapeMarkdown(text))).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  it("calls nobody", () => {
    const name = fc.constantFrom(
      "@everyone",
      "@here",
      "@Everyone",
      "<@123>",
      "<@!1>",
      "<@&1>",
      "<#1>",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(name, fc.string({ maxLength: 3 }))), (parts) => {
        expect(
          toDiscordMarkdown(parts.join("")).replace(/```[\s\S]*?```|`[^`\n]*`/g, ""),
        ).not.toMatch(MENTION);
      }),
    );
  });
});
