import { unescapeText } from "./escape.ts";
import { LINK, MARKS, styled, wordsOf } from "./markup.ts";

type Rows = readonly (readonly string[])[];

/** Columns of a fixed-width font that a message shows without breaking lines. */
const MAX_WIDTH = 72;

/**
 * A table, which Slack's form has none of: in columns as code where that is readable, else in
 * words, each row named by its first cell and the others labelled. Links only live in words.
 */
export const tableText = (rows: Rows, codeBlock: (characters: string) => string): string => {
  const cells = rows.map((row) => row.map((cell) => unescapeText(wordsOf(cell))));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => widthOf(row[column] ?? ""))),
  );
  const width = widths.reduce((sum, each) => sum + each + GAP.length, 0);
  const isPlain = !rows.flat().some((cell) => cell.includes(LINK.open) || cell.includes("\n"));
  const isAligned = isPlain && width <= MAX_WIDTH && !RIGHT_TO_LEFT.test(cells.flat().join(""));
  return isAligned ? codeBlock(inColumns(cells, widths)) : inWords(rows);
};

const GAP = "  ";
// Fixed columns fall apart where the reading order changes within a line.
const RIGHT_TO_LEFT = /[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}]/u;

const inColumns = ([header = [], ...body]: Rows, widths: readonly number[]): string =>
  [header, widths.map((width) => "-".repeat(width)), ...body]
    .map((row) =>
      widths
        .map((width, column) => {
          const cell = row[column] ?? "";
          return cell + " ".repeat(width - widthOf(cell));
        })
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");

const inWords = ([header = [], ...body]: Rows): string => {
  if (body.length === 0) return header.join(" | ");
  if (header.length < 2) return [...header, ...body.flat()].join("\n");
  return body
    .map(([first = "", ...cells]) =>
      [
        styled(MARKS.strong, first),
        ...cells.map((cell, index) => `    ${header[index + 1] ?? ""}: ${cell}`),
      ].join("\n"),
    )
    .join("\n");
};

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// https://www.unicode.org/reports/tr11/
const WIDE =
  /^[\p{Emoji_Presentation}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u3000-\u303f\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/u;

const widthOf = (cell: string): number => {
  let width = 0;
  for (const { segment } of graphemes.segment(cell)) width += WIDE.test(segment) ? 2 : 1;
  return width;
};
