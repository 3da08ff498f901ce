import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeMarkdown, toDiscordMarkdown } from "../../../channels/discord/markdown.ts";
import { memberSees } from "./member-sees.ts";

// What would call somebody, or look as if it did.
const MENTION = /@everyone|@here|<@[!&]?\d+>|<#\d+>|<id:\w+>|<\/\w[\w ]*:\d+>/;

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
