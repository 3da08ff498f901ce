/** Where a style begins and ends, until it is known what stands beside it. */
interface Mark {
  readonly open: string;
  readonly close: string;
}

/** Held by characters that are none: Unicode keeps them out of every text, and so do we. */
export const MARKS = {
  strong: { open: "\ufdd0", close: "\ufdd1" },
  emphasis: { open: "\ufdd2", close: "\ufdd3" },
  strike: { open: "\ufdd4", close: "\ufdd5" },
} as const;

/** An address, and behind the bar the words that stand for it. */
export const LINK = { open: "\ufdd6", bar: "\ufdd7", close: "\ufdd8" } as const;

/** Code that stands by itself. */
export const FENCE = { open: "\ufdd9", close: "\ufdda" } as const;

/** A style over words, line by line: Slack ends each with its line, and knows none within itself. */
export const styled = ({ open, close }: Mark, inner: string): string =>
  inner
    .replaceAll(open, "")
    .replaceAll(close, "")
    .split("\n")
    .map((line) => {
      const words = line.trim();
      if (words === "") return line;
      const start = line.indexOf(words);
      return line.slice(0, start) + open + words + close + line.slice(start + words.length);
    })
    .join("\n");

const STYLES = /[\ufdd0-\ufdd5]/g;
const LINKS = /\ufdd6([^\ufdd7\ufdd8]*)(?:\ufdd7([^\ufdd8]*))?\ufdd8/g;

/** The words without style; a link is its words and its address. */
export const wordsOf = (rendered: string): string =>
  rendered
    .replace(LINKS, (_, url: string, label?: string) =>
      label === undefined || label === "" ? url : `${label} (${url})`,
    )
    .replace(STYLES, "");

/** Slack's own marks for what they hold. */
export const settle = (rendered: string): string =>
  rendered
    .replace(STYLES, (mark, at: number) => {
      const isOpening = mark.charCodeAt(0) % 2 === 0;
      const beside = rendered.charAt(isOpening ? at - 1 : at + 1);
      const written = WRITTEN[mark] ?? "";
      if (BORDER.test(beside)) return written;
      return isOpening ? SPACE_UNSEEN + written : written + SPACE_UNSEEN;
    })
    .replace(LINKS, (_, url: string, label?: string) =>
      label === undefined || label === "" ? `<${url}>` : `<${url}|${label}>`,
    )
    .replaceAll(FENCE.open, "```")
    .replaceAll(FENCE.close, "```");

const WRITTEN: Readonly<Record<string, string>> = {
  [MARKS.strong.open]: "*",
  [MARKS.strong.close]: "*",
  [MARKS.emphasis.open]: "_",
  [MARKS.emphasis.close]: "_",
  [MARKS.strike.open]: "~",
  [MARKS.strike.close]: "~",
};

/** Slack takes a mark for one only at the border of a word, which writing without spaces lacks. */
const SPACE_UNSEEN = "\u200b";
const BORDER = /^$|[\s!-/:-@[-`{-~\ufdd0-\ufdda]/;
