/**
 * Cuts a text into messages of at most `limit` UTF-16 units (at least 64), which is no less than
 * what Discord counts. Cuts between paragraphs, else lines, sentences or words, never through a
 * visible character. A block of code that is cut ends with its part and begins again in the next
 * one, in its language; without those added fences the joined parts are the text again.
 * Never empty; one that only has blanks in it is left out, as Discord refuses it.
 */
export const splitText = (text: string, limit: number): readonly string[] => {
  const parts: string[] = [];
  let start = 0;
  // The fence that is open where the next part begins.
  let opener = "";
  while (start < text.length) {
    const end = isLast(text, start, opener, limit)
      ? text.length
      : chooseCut(text, start, opener, limit);
    const piece = text.slice(start, end);
    const open = openAfter(opener, piece);
    const isWhole = start === 0 && end === text.length;
    // What nobody closes is no block as long as it is one message.
    const closer = open === "" || isWhole ? "" : piece.endsWith("\n") ? FENCE : `\n${FENCE}`;
    parts.push(`${opener}${piece}${closer}`);
    opener = open;
    start = end;
  }
  const shown = parts.filter((part) => part.trim() !== "");
  return shown.length > 0 ? shown : [UNSEEN];
};

const FENCE = "```";
const CLOSER_LENGTH = 1 + FENCE.length;
const UNSEEN = "\u200b";
// Longer languages are none; what is opened again must leave room for the code.
const OPENER = /```(?:([\w+#.-]{1,20})(?=\n))?/g;

/** Whether what is left is one part, with the end of a block that nobody ended. */
const isLast = (text: string, start: number, opener: string, limit: number): boolean => {
  const left = limit - opener.length - (text.length - start);
  if (left < 0) return false;
  return start === 0 || left >= CLOSER_LENGTH || openAfter(opener, text.slice(start)) === "";
};

/** The fence to begin the next part with, after `piece` that began with `opener`; empty = none. */
const openAfter = (opener: string, piece: string): string => {
  let open = opener;
  for (const [, language = ""] of piece.matchAll(OPENER)) {
    open = open === "" ? `${FENCE}${language}\n` : "";
  }
  return open;
};

/** The best place to cut, in (start, text.length]. */
const chooseCut = (text: string, start: number, opener: string, limit: number): number => {
  const furthest = start + limit - opener.length - CLOSER_LENGTH;
  const reach = text.slice(start, furthest + 1);
  const half = Math.floor(reach.length / 2);
  for (const border of BORDERS) {
    const cut = lastBorder(reach, border, half);
    if (cut > 0) return aroundFences(text, start, start + cut, opener);
  }
  return aroundFences(text, start, start + lastCharacter(text, start, furthest), opener);
};

// Best first; a cut comes after what they find.
const BORDERS = [
  /\n[ \t\r]*\n+/g,
  /\n/g,
  /[.!?…]["'”’)\]*_]*[ \t]|[。！？；][”’）」』]?/g,
  /[ \t\u3000]|[，、：]/g,
] as const;

/** Where the last one ends, if that is in the second half and before the end; else 0. */
const lastBorder = (reach: string, border: RegExp, half: number): number => {
  let cut = 0;
  for (const found of reach.matchAll(border)) {
    const end = found.index + found[0].length;
    if (end < reach.length && end >= half) cut = end;
  }
  return cut;
};

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// UTF-16 units; whether a character ends depends on what follows.
const LOOK_AHEAD = 64;

/** The last border between visible characters, as a distance from `start`, above 0. */
const lastCharacter = (text: string, start: number, furthest: number): number => {
  const window = text.slice(start, furthest + LOOK_AHEAD);
  const border = graphemes.segment(window).containing(furthest - start)?.index ?? 0;
  if (border > 0) return border;
  // One that is longer than a part: at least no surrogate is left alone.
  return /[\udc00-\udfff]/.test(text.charAt(furthest)) ? furthest - start - 1 : furthest - start;
};

/** Moves a cut so that it parts no fence, leaves no block empty, and takes the end of one along. */
const aroundFences = (text: string, start: number, cut: number, opener: string): number => {
  // In the midst of backticks: before them.
  let moved = cut;
  while (moved > start && text.charAt(moved) === "`" && text.charAt(moved - 1) === "`") moved -= 1;
  const at = moved > start ? moved : cut;
  if (openAfter(opener, text.slice(start, at)) === "") return at;
  const closer = /^\n?```\n?/.exec(text.slice(at, at + CLOSER_LENGTH + 1));
  if (closer) return at + closer[0].replace(/\n$/, "").length;
  const lonely = /(?:^|\n)```[\w+#.-]{0,20}\n?$/.exec(text.slice(start, at));
  const before = lonely ? start + lonely.index + (lonely[0].startsWith("\n") ? 1 : 0) : at;
  return before > start ? before : at;
};
