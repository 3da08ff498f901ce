/** An address in a text: UTF-16 units `[start, end)`. */
export interface FoundLink {
  readonly start: number;
  readonly end: number;
  /** Where `end` lies for clients that go on over closing brackets and bars. */
  readonly greedyEnd: number;
  /** `image` = fetched without a click. */
  readonly kind: "link" | "image";
  /** Stands in the round brackets of a Markdown link or image. */
  readonly isDestination: boolean;
}

// How clients and Markdown recognise an address, and what browsers make of one: any scheme with
// slashes, also with backslashes or one of them for http; an address without a scheme; a domain that
// a path or a query follows.
const START =
  /(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:[/\\]{2}|https?:[/\\]?(?=[A-Za-z0-9])|mailto:(?=\S)|www\.(?=\w))|(?<![:\w/\\])[/\\]{2}(?=[\w-]{1,63}\.[\w-])|(?<![\w@./:\\%-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,20}[A-Za-z]{2,24}(?::\d{1,5})?[/?](?=\S)/g;
const DESTINATION = /\]\(\s{0,200}(?=\S)|^ {0,3}\[[^\]\n]{1,999}\]:\s{0,200}(?=\S)/gm;
// What both hold: most texts have none of it and are done here.
const HINT = /[/\\]{2}|https?:|mailto:|www\.|[A-Za-z0-9][/?]\S|\][(:]/;
// What ends an address: blanks, brackets and quotes that are no part of one, marks of Chinese text.
const STOP = /[\s<>"`\p{Cc}。，、；：！？（）【】「」『』《》“”‘’…]/u;
const GOES_ON = /[/=&?#+\-_.,%]/;
const TRAILING = /[.,;:!?'*_~)\]|]/;
/** Looking at an address costs something: a text with more of them loses the others unread. */
export const MAX_LINKS = 200;
const LABEL_UNITS = 1000;
const DESTINATION_UNITS = 4096;

/** The addresses in a text that start at `from` or later, in order; they may overlap. */
export const findLinks = (text: string, from = 0): FoundLink[] => {
  if (!HINT.test(text)) return [];
  const found = new Map<number, FoundLink>();
  const starts = [...text.matchAll(START)].filter(({ index }) => index >= from);
  for (const [at, match] of starts.entries()) {
    const start = match.index;
    const bodyAt = start + match[0].length;
    // An address within an address is judged by itself.
    const greedy = greedyEnd(text, bodyAt, starts[at + 1]?.index ?? text.length);
    const trimmed = trimmedEnd(text, bodyAt, greedy);
    const isDestination = text[start - 1] === "(";
    const balanced = balancedEnd(text, bodyAt, greedy);
    const end = Math.min(balanced, isDestination ? greedy : trimmed);
    if (end <= bodyAt && !/[/?]$/.test(match[0])) continue;
    found.set(start, {
      start,
      end: Math.max(end, bodyAt),
      greedyEnd: Math.max(trimmed, end),
      kind: "link",
      isDestination,
    });
  }
  const destinations = [...text.matchAll(DESTINATION)];
  for (const [at, match] of destinations.entries()) {
    const isRead = at < MAX_LINKS;
    const limit = isRead ? text.length : (destinations[at + 1]?.index ?? text.length);
    const opened = match.index + match[0].length;
    const isAngled = text[opened] === "<";
    const start = isAngled ? opened + 1 : opened;
    if (start < from) continue;
    const end = isAngled ? angledEnd(text, start, limit) : destinationEnd(text, start, limit);
    const isImage = !isRead || text[match.index] !== "]" || isImageLabel(text, match.index);
    const known = found.get(start);
    found.set(start, {
      start,
      end,
      greedyEnd: Math.max(end, known?.greedyEnd ?? end),
      kind: isImage ? "image" : "link",
      isDestination: true,
    });
  }
  return [...found.values()].sort((one, other) => one.start - other.start);
};

const greedyEnd = (text: string, from: number, until: number): number => {
  let at = from;
  for (let previous = ""; at < until; at++) {
    const char = text[at] ?? "";
    if (STOP.test(char)) break;
    // Prose may follow an address without a blank; but what follows a delimiter belongs to it.
    const isProse = char > "~" && previous <= "~" && previous !== "" && !GOES_ON.test(previous);
    if (isProse && !/\p{Cf}/u.test(char)) break;
    if (!/\p{Cf}/u.test(char)) previous = char;
  }
  return at;
};

/** The end without the marks of a sentence behind it. */
const trimmedEnd = (text: string, from: number, until: number): number => {
  let end = until;
  while (end > from && TRAILING.test(text[end - 1] ?? "")) end--;
  return end;
};

/** The end before a bracket that was not opened within the address, or a bar. */
const balancedEnd = (text: string, from: number, until: number): number => {
  let round = 0;
  let square = 0;
  for (let at = from; at < until; at++) {
    const char = text[at];
    if (char === "(") round++;
    if (char === "[") square++;
    if ((char === ")" && --round < 0) || (char === "]" && --square < 0) || char === "|") return at;
  }
  return until;
};

const destinationEnd = (text: string, start: number, limit: number): number => {
  let depth = 0;
  let at = start;
  for (; at < Math.min(limit, start + DESTINATION_UNITS); at++) {
    const char = text[at] ?? "";
    if (/\s/.test(char)) break;
    if (char === "\\") at++;
    else if (char === "(") depth++;
    else if (char === ")" && --depth < 0) break;
  }
  return Math.min(at, text.length);
};

const angledEnd = (text: string, start: number, limit: number): number => {
  const last = Math.min(limit, start + DESTINATION_UNITS);
  let at = start;
  while (at < last && text[at] !== ">" && text[at] !== "\n") at++;
  return at;
};

/** Whether the label that ends here began with `![`; one that is too long to tell counts as such. */
const isImageLabel = (text: string, end: number): boolean => {
  let depth = 0;
  for (let at = end; at >= 0 && end - at < LABEL_UNITS; at--) {
    if (text[at] === "]") depth++;
    if (text[at] === "[" && --depth === 0) return text[at - 1] === "!";
  }
  return true;
};
