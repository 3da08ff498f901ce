import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MarkdownForm, markdownKinds, renderMarkdown } from "../../channels/markdown.ts";
import { processorMs } from "../fakes/processor-time.ts";

/** Shows what was recognised. */
const FORM: MarkdownForm = {
  text: (characters) => characters,
  strong: (inner) => `<b>${inner}</b>`,
  emphasis: (inner) => `<i>${inner}</i>`,
  strike: (inner) => `<s>${inner}</s>`,
  code: (characters) => `<c>${characters}</c>`,
  codeBlock: (characters, language) => `<pre ${language}>${characters}</pre>`,
  link: (label, url) => (label === "" ? url : `<a ${url}>${label}</a>`),
  image: (label, url) => `<img ${url}>${label}</img>`,
  heading: (inner, depth) => `<h${depth}>${inner}</h>`,
  quote: (inner) => inner.replace(/^/gm, "| "),
  item: (marker, inner) => `${marker} ${inner.replace(/\n/g, "\n  ")}`,
  table: (rows) => rows.map((row) => row.join(" & ")).join(" / "),
  rule: "<hr>",
};
const shown = (markdown: string) => renderMarkdown(markdown, FORM);

describe("Markdown", () => {
  it.each([
    ["# Title\n\ntext", "<h1>Title</h>\n\ntext"],
    ["**重點**，*斜* ~~no~~ `a*b*`", "<b>重點</b>，<i>斜</i> <s>no</s> <c>a*b*</c>"],
    [
      "[site](https://a.example/?x=1&y) https://b.example",
      "<a https://a.example/?x=1&y>site</a> https://b.example",
    ],
    ["![chart](https://a.example/c.png)", "<img https://a.example/c.png>chart</img>"],
    ["- a\n  - b\n- c", "- a\n  - b\n- c"],
    ["3. a\n4. b", "3. a\n4. b"],
    ["- [ ] open\n- [x] done", "- ☐ open\n- ☑ done"],
    ["| k | v |\n|---|---|\n| 1 | **2** |", "k & v / 1 & <b>2</b>"],
    ["```js\nlet a;\n\nlet b;\n```", "<pre js>let a;\n\nlet b;</pre>"],
    ["> one\n> two", "| one\n| two"],
    ["a\n\n---\n\nb", "a\n\n<hr>\n\nb"],
    ["2*3*4 and snake_case_name", "2<i>3</i>4 and snake_case_name"],
    ["<b>x</b> &amp; <script>", "<b>x</b> & <script>"],
    ["\\*not emphasis\\*", "*not emphasis*"],
    ["שלום **עולם** 👩‍👩‍👧‍👦", "שלום <b>עולם</b> 👩‍👩‍👧‍👦"],
  ])("of %j is recognised", (markdown, expected) => {
    expect(shown(markdown)).toBe(expected);
  });

  it.each([
    ["https://a.example/_next_/x_y", "https://a.example/_next_/x_y"],
    ["https://a.example/__init__.py?a=_b_&c=_d_", "https://a.example/__init__.py?a=_b_&c=_d_"],
    ["**HTTPS://a.example/_x_**，_軟_", "<b>HTTPS://a.example/_x_</b>，<i>軟</i>"],
    ["_https://a.example/_x_/y_ z", "<i>https://a.example/_x_/y</i> z"],
    [
      "*http://a.example/~me/_x_* ~~http://b.example/_~~",
      "<i>http://a.example/~me/_x_</i> <s>http://b.example/_</s>",
    ],
    [
      "[https://a.example/_x_](https://a.example/_x_)",
      "<a https://a.example/_x_>https://a.example/_x_</a>",
    ],
    ["https://a.example/?a=1&amp;b=\\_c\\_", "https://a.example/?a=1&b=_c_"],
  ])("leaves the address in %j whole", (markdown, expected) => {
    expect(shown(markdown)).toBe(expected);
  });

  it("keeps line breaks and blank lines as they were written", () => {
    expect(shown("one\ntwo\n\n\nthree  \nfour")).toBe("one\ntwo\n\n\nthree\nfour");
  });

  it("has no kinds in a text without markup, lists and HTML included", () => {
    for (const text of ["hello", "a\n\nb", "- a\n- b", "1. a", "<b>x</b>", "7 < 8 & 9"]) {
      expect([text, [...markdownKinds(text)]]).toEqual([text, []]);
    }
    expect(markdownKinds("**a** `b`")).toEqual(new Set(["strong", "code"]));
  });

  it("finds the kinds of a text without markup as it finds them before a paragraph with some", () => {
    const piece = fc.constantFrom(
      ..."a你é9 .,:;!?'\"()%$@/+]{}^",
      ...[
        "1. ",
        "1) ",
        "+ ",
        "  ",
        "    ",
        "\t",
        "&amp;",
        "\\!",
        "\n",
        "https://a.b/c",
        "\0",
        "\u00a0",
      ],
      ...["\u2028", "\ud800", "👍🏽", ":---:", "a-b", "==", "#", "> "],
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const line = pieces.join("");
        fc.pre(line.trim() !== "");
        const followed = `${line}\n\n**b**`;
        expect([...markdownKinds(followed)].sort()).toEqual(
          [...markdownKinds(line), "strong"].sort(),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("never loses a word, whatever the text", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abcXYZ你好"), minLength: 1, maxLength: 6 });
    const mark = fc.constantFrom(
      "**",
      "*",
      "`",
      "\n",
      "\n\n",
      "> ",
      "- ",
      "# ",
      "|",
      "[",
      "](",
      ")",
      "~~",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, mark), { maxLength: 60 }), (pieces) => {
        const markdown = pieces.join("");
        const letters = (text: string) =>
          text.replace(/<\/?(b|i|s|c|a|h\d?|pre|img|hr)\b ?|[^abcXYZ你好]/g, "");
        const before = [...letters(markdown)].sort().join("");
        const after = [...letters(renderMarkdown(markdown, PLAIN))].sort().join("");
        expect(after).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["quotes in quotes", ">".repeat(100_000)],
    ["lists in lists", "- ".repeat(50_000)],
    ["brackets in brackets", "[".repeat(100_000)],
    ["stars", "*".repeat(100_000)],
    ["half links", "[a](".repeat(25_000)],
    ["half addresses", "https://_&_~".repeat(10_000)],
    ["an address of underscores", `https://${"_".repeat(100_000)}`],
    ["addresses in a row", "https://a_".repeat(10_000)],
    ["backticks", "`".repeat(100_000)],
    [
      "nested items",
      Array.from({ length: 500 }, (_, depth) => `${" ".repeat(2 * depth)}- x`).join("\n"),
    ],
  ])("%s do not hang it or bring it down", (_, text) => {
    const spentMs = processorMs(() => {
      renderMarkdown(text, FORM);
      markdownKinds(text);
    });
    expect(spentMs).toBeLessThan(5_000);
  });
});

const PLAIN: MarkdownForm = {
  ...FORM,
  strong: (inner) => inner,
  emphasis: (inner) => inner,
  strike: (inner) => inner,
  code: (characters) => characters,
  codeBlock: (characters, language) => language + characters,
  link: (label, url) => label + url,
  image: (label, url) => label + url,
  heading: (inner) => inner,
};
