import { rankCut } from "./cut-rank.ts";
import { findSpans } from "./markdown-spans.ts";

/**
 * Cuts a text into parts of at most `maxBytes` bytes of UTF-8 (at least 4); joined they are the
 * text again. Cuts between paragraphs, else lines, else sentences where that fills half a part,
 * else between words; never through inline Markdown, a word or a visible character unless that
 * alone is longer than a part. Never empty: an empty text is one empty part. Takes linear time.
 */
export const splitText = (text: string, maxBytes: number): readonly string[] => {
  if (Buffer.byteLength(text) <= maxBytes) return [text];
  const parts: string[] = [];
  const inSpan = markSpans(text, maxBytes);
  let start = 0;
  for (;;) {
    const limit = endWithin(text, start, maxBytes);
    if (limit === text.length) return [...parts, text.slice(start)];
    const end = chooseCut(text, start, limit, inSpan);
    parts.push(text.slice(start, end));
    start = end;
  }
};

/** The furthest border between code points that keeps the text from `start` on within `maxBytes`. */
const endWithin = (text: string, start: number, maxBytes: number): number => {
  let bytes = 0;
  let index = start;
  while (index < text.length) {
    const codePoint = text.codePointAt(index) ?? 0;
    bytes += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    if (bytes > maxBytes) break;
    index += codePoint < 0x10000 ? 1 : 2;
  }
  return index;
};

/** By UTF-16 unit: 1 where a cut before it would go through a span that fits into a part. */
const markSpans = (text: string, maxBytes: number): Uint8Array => {
  const marks = new Uint8Array(text.length);
  for (const [start, end] of findSpans(text)) {
    if (end - start > maxBytes || Buffer.byteLength(text.slice(start, end)) > maxBytes) continue;
    marks.fill(1, start + 1, end);
  }
  return marks;
};

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const words = new Intl.Segmenter(undefined, { granularity: "word" });
// UTF-16 units; longer than any word of a script without spaces.
const LOOK_AHEAD = 64;

/** The best place to cut, in (start, limit]. */
const chooseCut = (text: string, start: number, limit: number, inSpan: Uint8Array): number => {
  // Whether there is a border at `limit` depends on what follows. Windows, because looking things
  // up in a long text takes the segmenter the longer the longer the text is.
  const window = text.slice(start, limit + LOOK_AHEAD);
  const visible = graphemes.segment(window);
  const worded = words.segment(window);
  const half = start + (limit - start) / 2;

  const latest: { paragraph?: number; line?: number; sentence?: number; word?: number } = {};
  let throughSpan: number | undefined;
  for (let index = limit; index > start; index -= 1) {
    if (index < half && Object.keys(latest).length > 0) break;
    const rank = rankCut(text, index);
    if (!rank) continue;
    const kind = rank === "unspaced" ? "word" : rank;
    if (latest[kind] !== undefined || borderAt(visible, index - start) !== index - start) continue;
    if (rank === "unspaced" && borderAt(worded, index - start) !== index - start) continue;
    if (inSpan[index] === 1) throughSpan ??= index;
    else latest[kind] = index;
  }
  const cut = latest.paragraph ?? latest.line ?? latest.sentence ?? latest.word ?? throughSpan;
  if (cut !== undefined) return cut;
  const border = borderAt(visible, limit - start);
  return border > 0 ? start + border : limit;
};

/** The last border at or before `index`. */
const borderAt = (segments: Intl.Segments, index: number): number =>
  segments.containing(index)?.index ?? index;
