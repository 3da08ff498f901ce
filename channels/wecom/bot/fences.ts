/**
 * Parts of a Markdown text, each whole for itself: a block of code that was cut ends with its part
 * and goes on with the next.
 */
export const wholeFences = (parts: readonly string[]): readonly string[] => {
  let open: string | undefined;
  return parts.map((part) => {
    const start = open === undefined ? "" : `${open}\n`;
    open = openAfter(part, open);
    const end = open === undefined ? "" : `${part.endsWith("\n") ? "" : "\n"}${fenceOf(open)}`;
    return `${start}${part}${end}`;
  });
};

const FENCE = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/gm;
// A language is a word; nobody's longer words are repeated in every part.
const MAX_INFO = 32;

/** The line that opened the block which the part ends in. */
const openAfter = (part: string, openBefore: string | undefined): string | undefined => {
  let open = openBefore;
  for (const [, fence = "", info = ""] of part.matchAll(FENCE)) {
    if (open === undefined) {
      if (fence.length > MAX_INFO || (fence.startsWith("`") && info.includes("`"))) continue;
      open = `${fence}${info.trim().slice(0, MAX_INFO)}`;
    } else if (info.trim() === "" && fence.startsWith(fenceOf(open))) open = undefined;
  }
  return open;
};

const fenceOf = (opening: string): string => /^(?:`+|~+)/.exec(opening)?.[0] ?? "";
