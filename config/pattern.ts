import { RE2JS, RE2JSException } from "re2js";

const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, "no look-around: match the neighbours too, or use \\b"],
  [
    /\(\?>|[*+?}]\+/,
    "no atomic or possessive groups: a plain group, since matching is linear anyway",
  ],
  [/\\[1-9]|\\k<|\(\?P=/, "no back-references: write the alternatives out"],
  [/\(\?\(|\(\?R\)|\(\?&/, "no conditions and no recursion: write the alternatives out"],
  [/\{\d{4,}|\{\d*,\d{4,}\}/, "repetition counts up to 1000"],
  [/\\u[0-9A-Fa-f]{4}/, "code points as \\x{4e2d}"],
];

/**
 * Why a pattern cannot be used, and what to write instead; undefined when it can. Patterns run in
 * linear time, so they are RE2's. @see https://github.com/google/re2/wiki/Syntax
 */
export const patternProblem = (
  pattern: string,
): { readonly found: string; readonly expected: string } | undefined => {
  try {
    if (RE2JS.compile(pattern).test("")) {
      return { found: "a pattern that matches the empty text", expected: "at least one character" };
    }
    return undefined;
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    const reason = cause.message.replace(/^error parsing regexp: /, "");
    const instead = INSTEAD.find(([form]) => form.test(pattern))?.[1];
    return {
      found: `a pattern that RE2 cannot express (${reason})`,
      expected: instead ?? "RE2 syntax, https://github.com/google/re2/wiki/Syntax",
    };
  }
};

/** How large a pattern is: about one step for each character, times the counts in braces. */
export const stepsOf = (pattern: string): number => RE2JS.compile(pattern).programSize();
