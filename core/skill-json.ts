import { mapJson } from "./safety/texts.ts";

/** JSON that a model or a skill wrote: the value, or why it is not taken. */
export type SkillJson =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "problem"; readonly problem: string };

/**
 * Objects and arrays in one another. Whoever walks a value does so by recursion, and JSON of 10 KB
 * can be nested deeper than our stack is.
 */
const MAX_DEPTH = 64;
/** Values of any kind, which content rules and schemas look at one by one while nobody else is served. */
const MAX_VALUES = 10_000;

/**
 * Reads JSON text, or its bytes, which have to be UTF-8. Depth and number of values are bounded before
 * anything is built. Half a character (a lone surrogate) becomes U+FFFD: not every platform takes it.
 * Problems name no part of the text.
 */
export const readSkillJson = (json: string | Buffer): SkillJson => {
  const text = typeof json === "string" ? json : utf8Of(json);
  if (text === undefined) return problem("not UTF-8");
  const tooMuch = sizeProblem(text);
  if (tooMuch !== undefined) return problem(tooMuch);
  try {
    return { kind: "value", value: mapJson(JSON.parse(text), wellFormed) };
  } catch {
    return problem("not JSON");
  }
};

const wellFormed = (text: string): string => text.toWellFormed();

const problem = (words: string): SkillJson => ({ kind: "problem", problem: words });

const utf8Of = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
// [ and {, ] and }
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Counts brackets and commas outside of strings, in one pass; what is no JSON is not noticed here. */
const sizeProblem = (text: string): string | undefined => {
  let [depth, values, isString] = [0, 1, false];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isString = !isString;
    else if (isString) at += code === BACKSLASH ? 1 : 0;
    else if (OPENING.has(code)) {
      depth++;
      values++;
    } else if (CLOSING.has(code)) depth--;
    else if (code === COMMA) values++;
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
    if (values > MAX_VALUES) return `more than ${MAX_VALUES} values`;
  }
  return undefined;
};
