/**
 * Cuts a text of Slack's form into parts of at most `max` UTF-16 units (at least 64): between
 * paragraphs, else lines, else sentences, else words; never through a link, an escaped character,
 * code in a line or a visible character. Code between fences goes on in the next part within fences
 * of its own; but for those the parts joined are the text. Never empty. Takes linear time.
 * @param hasFences false for a text in which a fence is only what somebody wrote
 */
export const splitText = (text: string, max: number, hasFences = true): readonly string[] => {
  const parts: string[] = [];
  let start = 0;
  let isCode = false;
  for (;;) {
    const head = isCode ? `${FENCE}\n` : "";
    if (head.length + text.length - start <= max) return [...parts, head + text.slice(start)];
    let end = chooseCut(text, start, start + max - head.length - TAIL.length, isCode);
    let isOpen: boolean = hasFences && isCode !== hasOddFences(text.slice(start, end));
    if (isOpen && text.startsWith(FENCE, end)) {
      // Only the fence would be left for the next part.
      end += FENCE.length;
      if (text[end] === "\n") end += 1;
      isOpen = false;
    }
    const piece = text.slice(start, end);
    const tail = isOpen ? (piece.endsWith("\n") ? FENCE : TAIL) : "";
    parts.push(head + piece + tail);
    start = end;
    isCode = isOpen;
    if (start === text.length) return parts;
  }
};

const FENCE = "```";
const TAIL = `\n${FENCE}`;

const hasOddFences = (text: string): boolean => text.split(FENCE).length % 2 === 0;

/** The best place to cut, in (start, limit]. */
const chooseCut = (text: string, start: number, limit: number, isCode: boolean): number => {
  const window = text.slice(start, limit);
  const half = Math.floor(window.length / 2);
  const line = endOfLast(window, "\n", half);
  if (line !== undefined) {
    const paragraph = endOfLast(window, "\n\n", half) ?? line;
    // Code that begins in this part and fits into the next is not torn.
    const cut = isCode !== hasOddFences(window.slice(0, paragraph)) ? line : paragraph;
    const fence = isCode ? -1 : window.lastIndexOf(`${FENCE}\n`, cut - 1);
    const isTorn = hasOddFences(window.slice(0, cut)) !== isCode;
    const isLineStart = fence > half && window[fence - 1] === "\n";
    return start + (isTorn && isLineStart ? fence : cut);
  }
  const border = withinLine(window, text.slice(limit, limit + LOOK_AHEAD), half);
  return start + border;
};

/** Where the last `mark` in the later half of a window ends. */
const endOfLast = (window: string, mark: string, half: number): number | undefined => {
  const at = window.lastIndexOf(mark);
  return at + mark.length > half && at >= 0 ? at + mark.length : undefined;
};

// What must not be cut through; each as long as it may be in a message.
const SPAN = /<[^<>\n]{1,3000}>|&(?:amp|lt|gt);|```[^`\n][^\n]{0,1000}?```|`[^`\n]{1,1000}`/g;
const SENTENCE_END = /[.!?…]["'”’)]?\s+|[。！？；][”’）」』]?|\s+/g;
const LOOK_AHEAD = 4_000;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A cut within a line, which fills all of the window. */
const withinLine = (window: string, ahead: string, half: number): number => {
  const spans = [...(window + ahead).matchAll(SPAN)].map(
    (found) => [found.index, found.index + found[0].length] as const,
  );
  const isFree = (at: number): boolean => !spans.some(([from, to]) => from < at && at < to);
  let sentence: number | undefined;
  let word: number | undefined;
  for (const { 0: mark, index } of window.slice(half).matchAll(SENTENCE_END)) {
    const at = half + index + mark.length;
    if (!isFree(at)) continue;
    if (/^\s/.test(mark)) word = at;
    else sentence = at;
  }
  const best = sentence ?? word;
  if (best !== undefined) return best;
  // Whether there is a border at the end depends on what follows.
  const from = Math.max(0, window.length - 256);
  const segments = graphemes.segment(window.slice(from) + ahead.slice(0, 64));
  let at = window.length;
  for (;;) {
    const border = from + (segments.containing(at - from)?.index ?? at - from);
    const span = spans.find(([left, right]) => left < border && border < right);
    if (!span && border > from) return border;
    if (!span || span[0] <= from) break;
    at = span[0];
  }
  const last = spans.find(([left, right]) => left < window.length && window.length < right);
  if (last && last[0] > 0) return last[0];
  // A link that is longer than a part: at least no character of it is torn, escaped ones neither.
  return window.replace(/&[a-z]{0,3}$|[\ud800-\udbff]$/, "").length;
};
