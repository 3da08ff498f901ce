import { createLexicon, type Term } from "./lexicon.ts";
import { moderate } from "./scan.ts";

// Terms that sound alike and overlap, as in long lists, and one of another alphabet.
const TERMS: readonly Term[] = [
  ...["毒品", "赌品", "品毒", "毒品毒", "赌博", "博毒", "毒赌", "品品"].map(
    (term): Term => ({ id: term, term, action: "block", pinyin: true }),
  ),
  { id: "heroin", term: "heroin", action: "mask" },
];
// Texts of the kinds that have code of their own: words, pinyin with and without tones or beside
// characters, and what folding takes apart or leaves out.
const KINDS = [
  "Please call 客戶 at 10:30, heroin. ",
  "du pin ",
  "dú2pǐn毒pin ",
  "毒 - 品 a\u200b ㍱ 🎉 l1 e\u0301 ",
];
const UNITS = 8_000;
const TIMES = 4;

let isPrepared = false;

/** Has the code of moderation compiled, some 100 ms at its first call, so that no message has to wait for it. */
export const prepareModeration = (): void => {
  if (isPrepared) return;
  isPrepared = true;
  const lexicon = createLexicon(TERMS, "rehearsal");
  for (let time = 0; time < TIMES; time++) {
    for (const kind of KINDS) moderate(kind.repeat(Math.ceil(UNITS / kind.length)), lexicon);
  }
};
