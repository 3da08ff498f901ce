import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unescapeText } from "../../../channels/slack/escape.ts";
import { toMrkdwn } from "../../../channels/slack/mrkdwn.ts";
import { fromBody } from "../../../channels/slack/outgoing.ts";
import { MAX_TEXT, render } from "../../../channels/slack/render.ts";
import { splitText } from "../../../channels/slack/split.ts";
import { slackTarget } from "../../../channels/slack/target.ts";
import type { Card } from "../../../core/contract/card.ts";
import { processorMs } from "../../fakes/processor-time.ts";

const card: Card = {
  id: "approval_7",
  title: "Run <payroll>?",
  text: "Asked by **Ann** & co",
  fields: [{ label: "Amount", value: "12 < 13" }],
  link: { url: "https://a.example/x?a=1&b=2", label: "Details" },
  buttons: [
    { id: "yes", label: "Approve", style: "primary" },
    { id: "no", label: "Deny", style: "danger" },
  ],
  selects: [
    { id: "who", label: "Who", isMultiple: false, options: [{ id: "a", label: "Ann" }] },
    { id: "why", label: "Why", isMultiple: true, options: [{ id: "b", label: "Because" }] },
  ],
};

const rendered = (reply: Parameters<typeof render>[0]) => render(reply).map(fromBody);

/** Marks and pieces of marks, words and what might be taken for a reference. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."* _ ~ ` ``` **\n > < & | [ ] ( ) ! # - 1. \\ \t".split(" "),
        "\n",
        "\n\n",
        " ",
        "<!channel>",
        "<!here|x>",
        "<@U012AB3CD>",
        "<#C1|general>",
        "<!subteam^S1|@x>",
        "&lt;!here&gt;",
        "&#60;!here&#62;",
        "<https://evil.example|label>",
        "https://ok.example/a_b?x=1&y=<2>",
        "](https://a.example/<!here>)",
        "| a | b |\n|---|---|\n| <!here> | `<@U1>` |\n",
        "\ufdd6https://x\ufdd7y\ufdd8",
        "\ufdd9",
        "👩‍👩‍👧‍👦",
        "重點",
        "שלום",
      ),
      fc.string({ unit: "grapheme", maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(""));

describe("Slack's form of Markdown", () => {
  it.each([
    ["**bold** *it* ~~gone~~ `a*b*`", "*bold* _it_ ~gone~ `a*b*`"],
    ["# Title **x**\n\ntext", "*Title x*\n\ntext"],
    ["***both***", "_*both*_"],
    ["這是**重點**喔", "這是\u200b*重點*\u200b喔"],
    ["[site](https://a.example/?x=1&y) now", "<https://a.example/?x=1&amp;y|site> now"],
    ["see https://a.example/x_y_z.", "see <https://a.example/x_y_z>."],
    ["[x](ftp://a.example)", "x (ftp://a.example)"],
    ["[x](javascript:alert)", "[x](javascript:alert)"],
    [
      "[https://bank.example](https://evil.example)",
      "https://bank.example (<https://evil.example>)",
    ],
    ["- a\n  - b\n- c", "• a\n    • b\n• c"],
    ["- [x] done", "• ☑ done"],
    ["```js\na < b\n```", "```\na &lt; b\n```"],
    ["> one\n> two", "> one\n> two"],
    ["5 > 4 & 3 < 4, 2 * 3 * 4, snake_case", "5 &gt; 4 &amp; 3 &lt; 4, 2 * 3 * 4, snake_case"],
    ["\\*not bold\\*", "\u2060*not bold*"],
    ["| k | v |\n|---|---|\n| 重 | **2** |", "```\nk   v\n--  -\n重  2\n```"],
    ["| k | v |\n|---|---|\n| 1 | [a](https://a.example) |", "*1*\n    v: <https://a.example|a>"],
    ["<!channel> @here", "&lt;!channel&gt; @here"],
  ])("of %j is readable", (markdown, expected) => {
    expect(toMrkdwn(markdown)).toBe(expected);
  });

  it("never holds a mention, an entity or a link to anything but the web, whatever the text", () => {
    fc.assert(
      fc.property(hostile, (markdown) => {
        const text = toMrkdwn(markdown);
        const bare = text.replace(/<(?:https?:\/\/|mailto:)[^<>|\s]+(?:\|[^<>\n]*)?>/gi, "");
        expect(bare).not.toMatch(/</);
        // A quotation also stands in an item of a list, as in "• > so they said".
        expect(bare.replace(/^(?:(?:\s|•|\d+\.)*> )+/gm, "")).not.toMatch(/>/);
        expect(text.replace(/&(?:amp|lt|gt);/g, "")).not.toContain("&");
        expect(text).not.toMatch(/[\ufdd0-\ufdef]/);
        expect(text.split("```").length % 2).toBe(1);
      }),
      { numRuns: 500, examples: [["* >*"], ["1. > - > a"]] },
    );
  });

  it("takes time in proportion to a hostile text", () => {
    for (const piece of ["*a ", "`", "[a](https://", "<!here>", "_*~", "https://a", "> ", "| a "]) {
      const markdown = piece.repeat(Math.ceil(60_000 / piece.length));
      expect(
        processorMs(() => render({ kind: "text", markdown })),
        piece,
      ).toBeLessThan(5_000);
    }
  });
});

describe("a text for Slack", () => {
  it("that is somebody's own is shown character by character, 60 KB in order", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 400 }), (piece, times) => {
        const markdown = piece.repeat(times).slice(0, 60_000).toWellFormed();
        const parts = rendered({ kind: "text", markdown, isVerbatim: true });
        const texts = parts.map((part) => (part.kind === "verbatim" ? part.text : ""));
        expect(unescapeText(texts.join(""))).toBe(markdown);
        for (const text of texts) {
          expect(text.length).toBeLessThanOrEqual(MAX_TEXT);
          expect(text.isWellFormed()).toBe(true);
          expect(text.replace(/&(?:amp|lt|gt);/g, "")).not.toMatch(/[&<>]/);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is cut so that nothing is torn and the parts make the text again", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 60 }), (piece, times) => {
        const text = toMrkdwn(piece.toWellFormed().repeat(times));
        const parts = splitText(text, 400);
        let joined = "";
        let isOpen = false;
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(400);
          expect(part.isWellFormed()).toBe(true);
          expect(part.split("```").length % 2).toBe(1);
          expect(part).not.toMatch(/&(?:am?p?|lt?|gt?)?$/);
          const own: string = isOpen ? part.slice("```\n".length) : part;
          const rest = text.slice(joined.length);
          // A fence that was closed for the part's sake is not in the text.
          isOpen = !rest.startsWith(own);
          const said: string = isOpen ? own.replace(/\n?```$/, "") : own;
          const kept = rest.startsWith(`${said}\n`) && own !== said ? `${said}\n` : said;
          expect(rest.startsWith(kept)).toBe(true);
          joined += isOpen ? kept : own;
        }
        expect(joined).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  it("is cut beside an escaped character also within a link that is longer than a part", () => {
    for (const lead of ["", "x", "xx", "xxx", "xxxx"]) {
      const text = `<https://${lead}${"&amp;".repeat(300)}>`;
      const parts = splitText(text, 400);
      expect(parts.join("")).toBe(text);
      for (const part of parts) expect(part).not.toMatch(/&(?:am?p?)?$/);
    }
  });

  it("is cut between paragraphs, and code stays whole where it can", () => {
    const code = `\`\`\`\n${"x = 1\n".repeat(30)}\`\`\``;
    const text = `${"word ".repeat(60)}\n\n${code}\nend`;
    const [first = "", second = ""] = splitText(text, 400);
    expect(first).toBe(`${"word ".repeat(60)}\n\n`);
    expect(second).toBe(`${code}\nend`);
  });

  it("has U+FFFD for half a character, which no request could hold", () => {
    const half = { ...card, title: "a\ud83d b" };
    const [words, blocks] = rendered({ kind: "text", markdown: "a\ud83d b", card: half });
    expect(words).toMatchObject({ text: "a\ufffd b" });
    expect(JSON.stringify(blocks)).toContain("a\ufffd b");
  });

  it("ends with its code where it is a refusal, and has no markup", () => {
    expect(
      rendered({ kind: "refusal", code: "INTERNAL", markdown: "*a* <!here> [INTERNAL]" }),
    ).toEqual([{ kind: "verbatim", text: "*a* &lt;!here&gt; [INTERNAL]" }]);
  });
});

describe("a card for Slack", () => {
  it("has its buttons and choices, and stands in words beside them", () => {
    const [part] = rendered({ kind: "text", markdown: "", card });
    if (part?.kind !== "card") throw new Error(part?.kind);
    expect(part.text).toContain(
      "*Run &lt;payroll&gt;?*\nAsked by *Ann* &amp; co\nAmount: 12 &lt; 13",
    );
    expect(part.text).toContain("<https://a.example/x?a=1&amp;b=2|Details>");
    expect(part.blocks).toMatchObject([
      { type: "header", text: { type: "plain_text", text: "Run <payroll>?" } },
      { type: "section", text: { text: "Asked by *Ann* &amp; co" } },
      { type: "section", fields: [{ text: "*Amount*\n12 &lt; 13" }] },
      { type: "section" },
      { block_id: "card/approval_7/who", accessory: { type: "static_select" } },
      { block_id: "card/approval_7/why", accessory: { type: "multi_static_select" } },
      {
        type: "actions",
        block_id: "card/approval_7",
        elements: [
          { action_id: "button/yes", style: "primary" },
          { action_id: "button/no", style: "danger" },
        ],
      },
    ]);
  });

  it("loses nothing of a text or a value that no card holds: it is said before", () => {
    const long = Array.from({ length: 4_000 }, (_, index) => `word${index}`).join(" ");
    const fields = [
      { label: "Short", value: "1" },
      { label: "Command", value: `${"x & y ".repeat(100)}end` },
    ];
    const parts = rendered({ kind: "text", markdown: "", card: { ...card, text: long, fields } });
    expect(parts.map(({ kind }) => kind)).toEqual([...parts.slice(1).map(() => "mrkdwn"), "card"]);
    const said = parts.map((part) => (part.kind === "file" ? "" : part.text)).join("");
    for (const word of [...long.split(" "), "x &amp; y end"]) expect(said).toContain(word);
    for (const part of parts) {
      expect(part.kind === "file" ? "" : part.text).toSatisfy(
        (text: string) => text.length <= 4_000,
      );
    }
    const shown = parts.at(-1);
    expect(shown?.kind === "card" && JSON.stringify(shown.blocks).length).toBeLessThan(13_200);
    expect(shown?.kind === "card" && shown.text).toContain("Short: 1");
    // Decided by a click it does not say it once more.
    const click = slackTarget({ teamId: "T0", channelId: "C0", replyTo: "1", cardTs: "1.2" });
    const decided = { ...card, text: long, fields, status: "Approved" };
    const again = render({ kind: "text", markdown: "", card: decided }, click);
    expect(again.map((body) => fromBody(body).kind)).toEqual(["card"]);
  });

  it("whose status is as long as a text shows all of it, too", () => {
    const status = "decided ".repeat(500);
    const [part] = rendered({ kind: "text", markdown: "", card: { ...card, status } });
    expect(part?.kind === "card" && JSON.stringify(part.blocks).match(/decided/g)).toHaveLength(
      500,
    );
  });

  it("that is decided shows how, and nothing to click", () => {
    const [part] = rendered({ kind: "text", markdown: "", card: { ...card, status: "Approved" } });
    if (part?.kind !== "card") throw new Error(part?.kind);
    expect(JSON.stringify(part.blocks)).not.toMatch(/"actions"|select/);
    expect(part.blocks.at(-1)).toMatchObject({ text: { text: "*Approved*" } });
  });
});

describe("an answer with everything", () => {
  it("says the text, then the card, then the files", () => {
    const files = [
      { name: "a.csv", bytes: Buffer.from("1,2") },
      { name: "empty.txt", bytes: Buffer.alloc(0) },
    ];
    const parts = rendered({ kind: "text", markdown: "hello", card, files });
    expect(parts.map(({ kind }) => kind)).toEqual(["mrkdwn", "card", "file", "verbatim"]);
  });
});
