import { foldsCase, OP, type Step } from "./program.ts";

const MAX_RUNE = 0x10_ffff;
const LINE_BREAK = 10;
// What lies above has no case, https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt
const CASES_END = 0x1_f000;

let cased: readonly number[] | undefined;

/** Every character that has another case. */
const casedRunes = (): readonly number[] => {
  cased ??= Array.from({ length: CASES_END }, (_, rune) => rune).filter((rune) =>
    /\p{Changes_When_Casemapped}/u.test(String.fromCodePoint(rune)),
  );
  return cased;
};

const knownCases = new Map<number, readonly number[]>();

/** Every character that equals this one when case is ignored: those that the step takes. */
const casesOf = (rune: number, step: Step): readonly number[] => {
  const cases = knownCases.get(rune) ?? [
    ...new Set([rune, ...casedRunes().filter((other) => step.matchRune(other))]),
  ];
  knownCases.set(rune, cases);
  return cases;
};

/** The characters that a step takes, as pairs of first and last in one list. */
export const rangesOf = (step: Step): ArrayLike<number> => {
  if (step.op === OP.anyNotNewline) return [0, LINE_BREAK - 1, LINE_BREAK + 1, MAX_RUNE];
  if (step.op !== OP.rune && step.op !== OP.rune1) return [0, MAX_RUNE];
  const only = step.runes[0];
  if (step.runes.length !== 1 || only === undefined) return step.runes;
  return (foldsCase(step) ? casesOf(only, step) : [only]).flatMap((rune) => [rune, rune]);
};
