import { describe, expect, it } from "vitest";
import { fromBody, type Outgoing } from "../../../channels/wecom/outgoing.ts";
import { MAX_TEXT_BYTES, render } from "../../../channels/wecom/render.ts";
import type { Card } from "../../../core/contract/card.ts";
import type { Answer } from "../../../core/contract/reply.ts";

const parts = (answer: Partial<Answer>): readonly Outgoing[] =>
  render({ kind: "text", markdown: "", ...answer }).map(fromBody);

const CARD: Card = {
  id: "approval-1",
  title: "Leave of three days",
  text: "**Wei** asks for it",
  fields: [{ label: "From", value: "Monday" }],
  buttons: [],
  selects: [],
};
const YES = { id: "yes", label: "Approve", style: "primary" } as const;
const DAYS = {
  id: "days",
  label: "Which days?",
  isMultiple: true,
  options: [
    { id: "mon", label: "Monday" },
    { id: "tue", label: "Tuesday" },
  ],
};
const cardOf = (card: Partial<Card>) => {
  const [part] = parts({ card: { ...CARD, ...card } });
  return part?.kind === "card" ? part.card : part;
};

describe("an answer in WeCom", () => {
  it("is a text as it is where nothing is marked up", () => {
    const text = "one\n\n- two\n- three <b>";
    expect(parts({ markdown: text })).toEqual([{ kind: "text", text }]);
  });

  it("is WeCom's Markdown where that shows what is marked up, tables and code readable", () => {
    const markdown =
      "# Plan\n\n**Now** [here](https://a.example)\n\n| who | what |\n|---|---|\n| Wei | `x` |\n\n```js\na;\nb;\n```";
    expect(parts({ markdown })).toEqual([
      {
        kind: "markdown",
        text: "# Plan\n\n**Now** [here](https://a.example)\n\nWei\n  what: `x`\n\n> a;\n> b;",
        plain: "Plan\n\nNow here (https://a.example)\n\nWei\n  what: x\n\na;\nb;",
      },
    ]);
  });

  it("keeps its code to the character where no markup is shown", () => {
    const code = "# install\nnpm run *all* --if a_b_\n| k | v |\n|---|---|\n| 1 | 2 |\n- x";
    const [part] = parts({ markdown: `Do **this**:\n\`\`\`sh\n${code}\n\`\`\`\nnow \\# \`*\`` });
    expect(part).toHaveProperty("plain", `Do this:\n${code}\nnow # *`);
  });

  it("is plain text where WeCom could show none of the markup", () => {
    const markdown = "*soft*\n\n| k | v |\n|---|---|\n| a | 1 |\n\n    code";
    expect(parts({ markdown })).toEqual([{ kind: "text", text: "soft\n\na\n  v: 1\n\ncode" }]);
  });

  it("is shown to the character where it is somebody's text", () => {
    const markdown = "**not bold** `x`";
    expect(parts({ markdown, isVerbatim: true })).toEqual([{ kind: "text", text: markdown }]);
  });

  it("holds nothing that no XML can, in the words of a small file neither", () => {
    const files = [{ name: "a\u000b.txt", bytes: Buffer.from("\u0000\u0001x") }];
    expect(parts({ markdown: "**a**\u0000\u0008", files })).toEqual([
      { kind: "markdown", text: "**a**", plain: "a" },
      { kind: "text", text: "📎 a.txt: x" },
    ]);
  });

  it("cannot make a part of another kind out of what somebody wrote", () => {
    const markdown = '\u0001{"kind":"card","card":{}}';
    expect(parts({ markdown, isVerbatim: true })).toEqual([
      { kind: "text", text: '{"kind":"card","card":{}}' },
    ]);
  });

  it("of 60 KB is split where nothing marked up is cut, and is whole", () => {
    const markdown = "**重點** 文字。".repeat(4000);
    const all = parts({ markdown });
    expect(all.map((part) => (part.kind === "markdown" ? part.text : "?")).join("")).toBe(markdown);
    for (const part of all) {
      const text = part.kind === "markdown" ? part.text : "";
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_TEXT_BYTES);
      expect(text.split("**").length % 2).toBe(1);
    }
  });

  it("comes before its card, and its card before its files", () => {
    const files = [{ name: "a.txt", bytes: Buffer.from("some text") }];
    const card = { ...CARD, buttons: [YES] };
    expect(parts({ markdown: "look", card, files }).map(({ kind }) => kind)).toEqual([
      ...["text", "card", "file"],
    ]);
  });
});

describe("a card in WeCom", () => {
  it("to decide is a button interaction", () => {
    expect(cardOf({ buttons: [YES, { id: "no", label: "Decline", style: "danger" }] })).toEqual({
      card_type: "button_interaction",
      main_title: { title: "Leave of three days" },
      sub_title_text: "Wei asks for it",
      horizontal_content_list: [{ keyname: "From", value: "Monday" }],
      button_list: [
        { text: "Approve", style: 1, key: "yes" },
        { text: "Decline", style: 2, key: "no" },
      ],
      task_id: "approval-1",
    });
  });

  it("to tick several is a vote", () => {
    expect(cardOf({ buttons: [YES], selects: [DAYS] })).toMatchObject({
      card_type: "vote_interaction",
      checkbox: { question_key: "days", mode: 1, option_list: [{ id: "mon" }, { id: "tue" }] },
      submit_button: { text: "Approve", key: "yes" },
      task_id: "approval-1",
    });
  });

  it("to choose is a multiple interaction", () => {
    const select = { ...DAYS, isMultiple: false };
    expect(cardOf({ buttons: [YES], selects: [select, { ...select, id: "more" }] })).toMatchObject({
      card_type: "multiple_interaction",
      select_list: [{ question_key: "days" }, { question_key: "more" }],
      submit_button: { key: "yes" },
    });
  });

  it("with facts or a decision is a notice that leads somewhere, with its picture if it has one", () => {
    const link = { url: "https://a.example/1", label: "Open" };
    expect(cardOf({ link })).toMatchObject({
      card_type: "text_notice",
      card_action: { type: 1, url: link.url },
      jump_list: [{ title: "Open", url: link.url }],
    });
    const imageUrl = "https://a.example/1.png";
    expect(cardOf({ link, imageUrl, fields: [], status: "Approved" })).toMatchObject({
      card_type: "news_notice",
      card_image: { url: imageUrl },
    });
  });

  it("that leads nowhere is said in words, its decision too", () => {
    expect(cardOf({ buttons: [YES], status: "Approved by Li" })).toEqual({
      kind: "markdown",
      text: "**Leave of three days**\n**Wei** asks for it\nFrom: Monday\nApproved by Li",
      plain: "Leave of three days\nWei asks for it\nFrom: Monday\nApproved by Li",
    });
  });

  it("that was decided takes the place of the one that was clicked, with nothing left to click", () => {
    const status = "已放行：將繼續處理並回覆提問者。";
    const card = { ...CARD, status };
    const [body = ""] = render({ kind: "text", markdown: "", card }, true);
    expect(fromBody(body)).toEqual({
      kind: "card",
      card: {
        card_type: "button_interaction",
        main_title: { title: "Leave of three days" },
        sub_title_text: `${status}\nWei asks for it`,
        horizontal_content_list: [{ keyname: "From", value: "Monday" }],
        button_list: [{ text: "已放行", style: 4, key: "@decided" }],
        replace_text: "已放行",
        task_id: "approval-1",
      },
    });
  });

  it("that was decided says so on a button even in words that are long or have no letters", () => {
    const labelOf = (status: string) => {
      const [body = ""] = render({ kind: "text", markdown: "", card: { ...CARD, status } }, true);
      const part = fromBody(body);
      return part.kind === "card" && (part.card as { replace_text?: string }).replace_text;
    };
    expect(labelOf("It was released already.")).toBe("It was re…");
    expect(labelOf("!")).toBe("!");
  });

  it("loses nothing that is too long for its field", () => {
    const value = "a value far too long for a field of this card";
    expect(cardOf({ buttons: [YES], fields: [{ label: "From", value }] })).toMatchObject({
      sub_title_text: `Wei asks for it\nFrom: ${value}`,
    });
  });
});

describe("a card in WeCom that only leads somewhere", () => {
  const link = { url: "https://a.example/1", label: "Open" };
  const linkOf = (changes: Partial<Card> = {}) =>
    parts({ card: { ...CARD, fields: [], link, ...changes } });

  it("is a text card, whose button bears a short label", () => {
    expect(linkOf()).toEqual([
      {
        ...{ kind: "card", type: "textcard" },
        card: {
          ...{ title: "Leave of three days", url: link.url, btntxt: "Open" },
          description: "Wei asks for it",
        },
      },
    ]);
  });

  it("says a long label where there is room for it", () => {
    const [shown] = linkOf({ link: { ...link, label: "Read the whole policy" } });
    expect(shown).toMatchObject({
      card: { description: "Wei asks for it<br>Read the whole policy" },
    });
    expect(shown).not.toHaveProperty("card.btntxt");
  });

  it("is an article where it has a picture", () => {
    const imageUrl = "https://a.example/1.png";
    expect(linkOf({ imageUrl })).toEqual([
      {
        ...{ kind: "card", type: "news" },
        card: {
          articles: [
            {
              ...{ title: "Leave of three days", url: link.url, picurl: imageUrl },
              description: "Wei asks for it\nOpen",
            },
          ],
        },
      },
    ]);
  });

  it("cannot be dressed up by what somebody wrote", () => {
    const [shown] = linkOf({ text: 'a\n\n`<div class="highlight">` b' });
    expect(shown).toMatchObject({
      card: { description: 'a<br><br>＜div class="highlight"> b' },
    });
  });

  it.each([
    ["a title", { title: "標".repeat(43) }],
    ["a text", { text: "文".repeat(171) }],
    ["an address", { link: { ...link, url: `https://a.example/${"x".repeat(2048)}` } }],
  ])("is said in words, whole, where %s is too long for it", (_what, changes) => {
    const all = linkOf(changes).map((part) => (part.kind === "markdown" ? part.text : "?"));
    const card = { ...CARD, link, ...changes };
    for (const said of [card.title, card.text ?? "", card.link.url]) {
      expect(all.join("")).toContain(said);
    }
  });

  it("is a notice where it takes the place of a card that was clicked", () => {
    const card = { ...CARD, fields: [], link };
    const [body = ""] = render({ kind: "text", markdown: "", card }, true);
    expect(fromBody(body)).toMatchObject({
      card: { card_type: "text_notice", task_id: "approval-1" },
    });
  });
});

describe("a file in WeCom", () => {
  const kindOf = (bytes: Buffer) => {
    const [part] = parts({ files: [{ name: "a.bin", bytes }] });
    return part?.kind === "file" ? part.type : part;
  };
  const PNG = Buffer.from("\x89PNG\r\n\x1a\n rest", "latin1");

  it("is what it is, whatever its name says", () => {
    expect(kindOf(PNG)).toBe("image");
    expect(kindOf(Buffer.from("\xff\xd8\xff rest", "latin1"))).toBe("image");
    expect(kindOf(Buffer.from("#!AMR\n rest"))).toBe("voice");
    expect(kindOf(Buffer.from("\0\0\0\x18ftypisom", "latin1"))).toBe("video");
    expect(kindOf(Buffer.from("a,b\n1,2\n"))).toBe("file");
  });

  it("is a file where it is too large for a picture or a voice", () => {
    expect(kindOf(Buffer.concat([PNG, Buffer.alloc(10 * 2 ** 20)]))).toBe("file");
  });

  it("is named where it cannot be sent, and written out where it is too small", () => {
    expect(kindOf(Buffer.alloc(20 * 2 ** 20 + 1))).toEqual({
      kind: "text",
      text: "📎 a.bin: 20.0 MiB > 20.0 MiB ✗",
    });
    expect(kindOf(Buffer.from("ok"))).toEqual({ kind: "text", text: "📎 a.bin: ok" });
  });
});
