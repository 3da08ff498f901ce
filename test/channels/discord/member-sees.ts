/**
 * The characters that a person sees of a text without links and blocks, after Discord's own rules:
 * a backslash before anything but letters, digits and blanks shows that alone. Throws on markup.
 */
export const memberSees = (content: string): string => {
  let seen = "";
  let rest = content;
  while (rest !== "") {
    const [escaped] = /^\\[^0-9A-Za-z\s]/u.exec(rest) ?? [];
    if (escaped !== undefined) {
      seen += escaped.slice(1);
      rest = rest.slice(escaped.length);
      continue;
    }
    const isLineStart = /(?:^|\n)[ \t]*$/.test(seen);
    const markup =
      MARKS.find((mark) => mark.test(rest)) ??
      (isLineStart ? LINE_MARKS.find((mark) => mark.test(rest)) : undefined);
    const isInWord = /[\p{L}\p{N}]$/u.test(seen);
    if (markup && !(isInWord && rest.startsWith("_"))) {
      throw new Error(`markup ${markup} in ${JSON.stringify(content)} at ${JSON.stringify(rest)}`);
    }
    seen += rest.charAt(0);
    rest = rest.slice(1);
  }
  return seen.replaceAll("\u200b", "");
};

const MARKS = [
  /^\*[^*]+\*/,
  /^\*\*[\s\S]+?\*\*/,
  /^_[^_]+_(?![\p{L}\p{N}])/u,
  /^__[\s\S]+?__/,
  /^~~[\s\S]+?~~/,
  /^\|\|[\s\S]+?\|\|/,
  /^(`+)[\s\S]*?[^`]\1(?!`)/,
  /^\[[^\]]*\]\([^)]+\)/,
  /^<(?:@[!&]?\d+|#\d+)>/,
];

const LINE_MARKS = [/^#{1,3}\s/, /^-#\s/, /^[-*]\s/, /^>{1,3}\s/, /^\d+\.\s/];
