import MarkdownIt, { type Token } from "markdown-it";

/** How each kind of Markdown looks in a channel; what is inside has been rendered already. */
export interface MarkdownForm {
  /** Characters of a text, as they must be written so that they are only that. */
  text(characters: string): string;
  strong(inner: string): string;
  emphasis(inner: string): string;
  strike(inner: string): string;
  code(characters: string): string;
  codeBlock(characters: string, language: string): string;
  link(label: string, url: string): string;
  image(label: string, url: string): string;
  heading(inner: string, depth: number): string;
  quote(inner: string): string;
  /** `marker` is `1.` or a bullet; `inner` may have lines, further lists among them. */
  item(marker: string, inner: string): string;
  /** Cells by row, the first row being the header. */
  table(rows: readonly (readonly string[])[]): string;
  readonly rule: string;
}

/** Kinds of Markdown that a plain text has none of. */
export type MarkdownKind =
  | "strong"
  | "em"
  | "s"
  | "code"
  | "fence"
  | "link"
  | "image"
  | "heading"
  | "blockquote"
  | "table"
  | "hr";

// Of the readers of Markdown that were tried this one alone takes linear time on hostile texts.
const reader = new MarkdownIt({ html: false, linkify: false, typographer: false });
// An answer shows what it says: addresses as they were written, and no definition of one is hidden.
reader.disable(["reference"]);
reader.normalizeLink = (url) => url;

// What a web address goes on with behind its colon. Marks inside it mark nothing; those that could
// end something around it (stars, brackets, underscores at its end) are left to the reader.
const ADDRESS =
  /:\/\/(?:[A-Za-z0-9.:/?#@!$'+,;=%-]|&(?!#?\w{1,32};)|~(?!~)|_+(?=\.?[A-Za-z0-9/?#@%&=~+-]))+/y;

// The reader stops at each colon; an address stays text, as it was written.
// https://github.github.com/gfm/#autolinks-extension-
reader.inline.ruler.after("text", "address", (state, isSilent) => {
  ADDRESS.lastIndex = state.pos;
  const isWeb = /https?$/i.test(state.src.slice(Math.max(0, state.pos - 5), state.pos));
  const [found] = (isWeb && ADDRESS.exec(state.src)) || [];
  if (found === undefined) return false;
  if (!isSilent) state.pending += found;
  state.pos += found.length;
  return true;
});

/** A text that was read as Markdown: that takes many times as long as whatever is done with it then. */
export interface ReadMarkdown {
  readonly markdown: string;
  readonly tokens: readonly Token[];
}

export const readMarkdown = (markdown: string): ReadMarkdown => ({
  markdown,
  tokens: isTooDeep(markdown) ? [] : reader.parse(markdown, {}),
});

/**
 * Whether a text may have Markdown of any kind in it: each needs one of these somewhere. To see that
 * there is none takes a twentieth of reading a short answer.
 */
export const mayBeMarkedUp = (markdown: string): boolean => /[*_~`[<#>|=-]| {4}|\t/.test(markdown);

/** The kinds of Markdown in a text; empty where nothing but lists and paragraphs is in it. */
export const markdownKinds = (markdown: string): ReadonlySet<MarkdownKind> =>
  mayBeMarkedUp(markdown) ? kindsIn(readMarkdown(markdown)) : new Set();

/** The same of what was read before. */
export const kindsIn = ({ tokens }: ReadMarkdown): ReadonlySet<MarkdownKind> => {
  const kinds = new Set<MarkdownKind>();
  for (const token of tokens.flatMap((token) => [token, ...(token.children ?? [])])) {
    const kind = KINDS.get(token.type);
    if (kind) kinds.add(kind);
  }
  return kinds;
};

const KINDS: ReadonlyMap<string, MarkdownKind> = new Map([
  ["strong_open", "strong"],
  ["em_open", "em"],
  ["s_open", "s"],
  ["code_inline", "code"],
  ["fence", "fence"],
  ["code_block", "fence"],
  ["link_open", "link"],
  ["image", "image"],
  ["heading_open", "heading"],
  ["blockquote_open", "blockquote"],
  ["table_open", "table"],
  ["hr", "hr"],
]);

/**
 * A text in a channel's form. Line breaks and blank lines stay as they are; HTML is text. Nesting
 * beyond anything readable is shown as it was written.
 * @see https://github.github.com/gfm/
 */
export const renderMarkdown = (markdown: string, form: MarkdownForm): string =>
  renderRead(readMarkdown(markdown), form);

/** The same of what was read before. */
export const renderRead = ({ markdown, tokens }: ReadMarkdown, form: MarkdownForm): string =>
  isTooDeep(markdown)
    ? form.text(markdown)
    : renderBlocks(nest(tokens), form, markdown.split("\n"));

// The reader leaves out what is nested deeper than it goes; a person nests a few levels.
const TOO_DEEP = /^[ \t]*(?:(?:>|[*+-]|\d+[.)])[ \t]*){24}|^[ \t]{64,}\S/m;
const isTooDeep = (markdown: string): boolean => TOO_DEEP.test(markdown);

/** A token with what stands between it and its end. */
interface Block {
  readonly token: Token;
  readonly children: Block[];
}

const nest = (tokens: readonly Token[]): readonly Block[] => {
  const root: Block[] = [];
  const open = [root];
  for (const token of tokens) {
    if (token.nesting < 0) {
      open.pop();
      continue;
    }
    const block: Block = { token, children: [] };
    open.at(-1)?.push(block);
    if (token.nesting > 0) open.push(block.children);
  }
  return root;
};

/** Blocks with as many line breaks between them as were written. */
const renderBlocks = (
  blocks: readonly Block[],
  form: MarkdownForm,
  lines: readonly string[],
): string => {
  let text = "";
  let end: number | undefined;
  for (const block of blocks) {
    const [from, to] = block.token.map ?? [end ?? 0, end ?? 0];
    if (end !== undefined) text += "\n".repeat(Math.max(1, from - end + 1));
    text += renderBlock(block, form, lines);
    end = to;
    // A list and a quote take the blank lines behind them for theirs.
    while (end > from + 1 && /^[\s>]*$/.test(lines[end - 1] ?? "")) end -= 1;
  }
  return text;
};

const renderBlock = (
  { token, children }: Block,
  form: MarkdownForm,
  lines: readonly string[],
): string => {
  const inside = () => renderBlocks(children, form, lines);
  switch (token.type) {
    case "inline":
      return renderInline(nest(token.children ?? []), form);
    case "heading_open":
      return form.heading(inside(), Number(token.tag.slice(1)));
    case "fence":
    case "code_block": {
      const code = token.content.replace(/\n$/, "");
      const info = token.info.trim();
      // What is no language is something that is said.
      return /^[\w+#.-]*$/.test(info)
        ? form.codeBlock(code, info)
        : form.codeBlock(`${info}\n${code}`, "");
    }
    case "blockquote_open":
      return form.quote(inside());
    case "list_item_open": {
      const marker = token.info === "" ? "-" : `${token.info}.`;
      return form.item(marker, inside().replace(/^\[( |x|X)\] /, taskBox));
    }
    case "table_open":
      return form.table(rowsOf(children).map((row) => row.children.map(cellOf(form, lines))));
    case "hr":
      return form.rule;
    default:
      return children.length > 0 ? inside() : form.text(token.content);
  }
};

const taskBox = (_: string, mark: string): string => (mark === " " ? "☐ " : "☑ ");

const rowsOf = (sections: readonly Block[]): readonly Block[] =>
  sections.flatMap(({ children }) => children);

const cellOf =
  (form: MarkdownForm, lines: readonly string[]) =>
  (cell: Block): string =>
    renderBlocks(cell.children, form, lines);

const renderInline = (blocks: readonly Block[], form: MarkdownForm): string =>
  blocks
    .map(({ token, children }): string => {
      const inner = () => renderInline(children, form);
      switch (token.type) {
        case "strong_open":
          return form.strong(inner());
        case "em_open":
          return form.emphasis(inner());
        case "s_open":
          return form.strike(inner());
        case "code_inline":
          return form.code(token.content);
        case "softbreak":
        case "hardbreak":
          return "\n";
        case "link_open": {
          const url = String(token.attrGet("href"));
          // A bare address stays one.
          return form.link(token.info === "auto" ? "" : inner(), url);
        }
        case "image":
          return form.image(form.text(token.content), String(token.attrGet("src")));
        default:
          return children.length > 0 ? inner() : form.text(token.content);
      }
    })
    .join("");
