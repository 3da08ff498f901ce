import { type MarkdownForm, renderMarkdown } from "../markdown.ts";

/** Markdown as a person reads it who sees no markup: nothing of what is said is lost. */
export const plainText = (markdown: string): string => renderMarkdown(markdown, PLAIN);

/** Nested lists hang two spaces to the right of what they belong to. */
export const hangingItem = (marker: string, inner: string): string =>
  `${marker} ${inner.replace(/\n(?=.)/g, `\n${" ".repeat(2)}`)}`;

/** A table as people read it on a phone: each row named by its first cell, the others labelled. */
export const tableInWords = (rows: readonly (readonly string[])[]): string => {
  const [header = [], ...body] = rows;
  if (body.length === 0) return header.join(" | ");
  if (header.length < 2) return [...header, ...body.flat()].join("\n");
  return body
    .map(([first = "", ...cells]) =>
      [first, ...cells.map((cell, index) => `  ${header[index + 1] ?? ""}: ${cell}`)].join("\n"),
    )
    .join("\n");
};

/** As `plainText` shows it. */
export const PLAIN: MarkdownForm = {
  text: (characters) => characters,
  strong: (inner) => inner,
  emphasis: (inner) => inner,
  strike: (inner) => inner,
  code: (characters) => characters,
  codeBlock: (characters) => characters,
  link: (label, url) => (label === "" || label === url ? url : `${label} (${url})`),
  image: (label, url) => (label === "" ? url : `${label} (${url})`),
  heading: (inner) => inner,
  quote: (inner) => inner.replace(/^/gm, "> "),
  item: hangingItem,
  table: tableInWords,
  rule: "———",
};
