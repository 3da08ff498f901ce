import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markdownKinds } from "../../../../channels/markdown.ts";
import {
  headOf,
  inMarkdown,
  MAX_MARKDOWN_BYTES,
  renderForBot,
  withMoreFollows,
} from "../../../../channels/wecom/bot/render.ts";
import { fromBody } from "../../../../channels/wecom/outgoing.ts";
import type { Answer } from "../../../../core/contract/reply.ts";

const shown = (reply: Answer): readonly string[] =>
  renderForBot(reply).map((body) => {
    const outgoing = fromBody(body);
    return outgoing.kind === "text" || outgoing.kind === "markdown" ? inMarkdown(outgoing) : "";
  });

const piece = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    ...[
      "\n\n",
      "```\n",
      "```py\n",
      "\n```",
      "~~~\n",
      "`",
      "你好，",
      "|a|b|\n|-|-|\n",
      "x".repeat(7000),
    ],
    ...["# ", "> ", "[a](b)", "![a](https://x.example/leak)", "*".repeat(9000)],
  ),
);
const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));

describe("renderForBot", () => {
  it("makes parts that a stream or a response URL takes, with what is said around them", () => {
    fc.assert(
      fc.property(text, fc.boolean(), (markdown, isVerbatim) => {
        for (const part of shown({ kind: "text", markdown, isVerbatim })) {
          expect(Buffer.byteLength(withMoreFollows(part))).toBeLessThanOrEqual(MAX_MARKDOWN_BYTES);
        }
        expect(Buffer.byteLength(headOf(markdown))).toBeLessThanOrEqual(MAX_MARKDOWN_BYTES);
      }),
      { numRuns: 200 },
    );
  });

  it("fetches no address for an answer that was tricked into showing a picture", () => {
    const [part = ""] = shown({
      kind: "text",
      markdown: "Look: ![x](https://x.example/?q=secret)",
    });
    expect(markdownKinds(part).has("image")).toBe(false);
    expect(part).toContain("[x](https://x.example/?q=secret)");
  });

  it("leaves tables, code and headings as they are, for a bot shows them", () => {
    const markdown = "# A\n\n|a|b|\n|-|-|\n|1|2|\n\n```py\nprint('![')\n```";
    expect(shown({ kind: "text", markdown })).toEqual([markdown]);
  });

  it("shows a decision on the card that was clicked, which its id tells", () => {
    const card = {
      ...{ id: "c1", title: "Review", status: "Released: it goes on.", fields: [] },
      ...{ buttons: [], selects: [] },
    };
    const cardOf = (more: object) => {
      const [body = ""] = renderForBot({
        ...{ kind: "text", markdown: "", card: { ...card, ...more } },
      });
      return fromBody(body);
    };
    expect(cardOf({})).toMatchObject({
      kind: "card",
      card: { card_type: "button_interaction", button_list: [{ text: "Released" }], task_id: "c1" },
    });
    expect(cardOf({ link: { url: "https://a.example/1", label: "Open" } })).toMatchObject({
      kind: "card",
      card: { card_type: "text_notice", task_id: "c1" },
    });
  });

  it("shows verbatim texts character by character", () => {
    expect(shown({ kind: "text", markdown: "a_b 1 < 2", isVerbatim: true })).toEqual(["a_b 1 < 2"]);
    expect(shown({ kind: "text", markdown: "**a**", isVerbatim: true })).toEqual(["\\*\\*a\\*\\*"]);
  });
});
