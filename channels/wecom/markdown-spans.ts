/** Start and end (exclusive) in UTF-16 units. */
export type Span = readonly [start: number, end: number];

/**
 * Where the inline Markdown of a text is: code, links, bold and italic, outer and inner ones.
 * Spans end with their paragraph. A close reading of CommonMark, not all of it: what is missed
 * or found too much only moves the place where a long text is cut. Linear in the text's length.
 * @see https://spec.commonmark.org/0.31.2/#inlines
 */
export const findSpans = (text: string): readonly Span[] => {
  const spans: Span[] = [];
  let paragraph = newParagraph();
  const codeEnds = indexCodeEnds(text);
  for (const token of text.matchAll(TOKEN)) {
    const [mark] = token;
    const start = token.index;
    const end = start + mark.length;
    if (start < paragraph.codeUntil) continue;
    if (mark.startsWith("\n")) {
      paragraph = newParagraph();
    } else if (mark.startsWith("`")) {
      const codeEnd = codeEnds.get(start);
      if (codeEnd === undefined) continue;
      spans.push([start, codeEnd]);
      paragraph.codeUntil = codeEnd;
    } else if (mark === "[") {
      paragraph.brackets.push(start);
    } else if (mark === "](") {
      paragraph.label = paragraph.brackets.pop();
    } else if (mark === ")") {
      if (paragraph.label !== undefined) spans.push([paragraph.label, end]);
      paragraph.label = undefined;
    } else if (mark.startsWith("*") || mark.startsWith("_")) {
      const opener = paragraph.openers.get(mark);
      if (opener !== undefined && canClose(text, start, end)) {
        spans.push([opener, end]);
        paragraph.openers.delete(mark);
      } else if (canOpen(text, start, end)) {
        paragraph.openers.set(mark, start);
      }
    }
  }
  return spans;
};

// An escaped mark is no mark; a backslash takes the next character with it.
const TOKEN = /\\[^\n]|\n[ \t\r]*\n|`+|\*+|_+|\]\(|[[)]/g;

const newParagraph = () => ({
  brackets: [] as number[],
  label: undefined as number | undefined,
  openers: new Map<string, number>(),
  codeUntil: 0,
});

/** End of the code that begins at a run of backticks: the next run of the same length in its paragraph. */
const indexCodeEnds = (text: string): ReadonlyMap<number, number> => {
  const ends = new Map<number, number>();
  const nextByLength = new Map<number, number>();
  const runs = [...text.matchAll(/\n[ \t\r]*\n|`+/g)];
  for (const run of runs.reverse()) {
    const [mark] = run;
    if (mark.startsWith("\n")) {
      nextByLength.clear();
      continue;
    }
    const next = nextByLength.get(mark.length);
    if (next !== undefined) ends.set(run.index, next);
    nextByLength.set(mark.length, run.index + mark.length);
  }
  return ends;
};

const SPACE = /^\s?$/u;
const WORD = /[\p{L}\p{N}]/u;

/** `a * b` is arithmetic and `snake_case` a name, so a mark that opens touches what it marks. */
const canOpen = (text: string, start: number, end: number): boolean =>
  !SPACE.test(text.charAt(end)) &&
  !(text.charAt(start) === "_" && WORD.test(text.charAt(start - 1)));

const canClose = (text: string, start: number, end: number): boolean =>
  !SPACE.test(text.charAt(start - 1)) &&
  !(text.charAt(start) === "_" && WORD.test(text.charAt(end)));
