import { createLexicon, type Term } from "./lexicon.ts";
import { moderate } from "./scan.ts";

// Terms that sound alike and overlap, as in long lists, and one of another alphabet.
const TERMS: readonly Term[] = [
  ...["毒品", "赌品", "品毒", "毒品毒", "赌博", "博毒", "毒赌", "品品"].map(
    (term): Term => ({ id: term, term, action: "block", pinyin: true }),
  ),
  { id: "heroin", term: "heroin", action: "mask" },
];
// Texts of the kinds that have code of their own: words, sentences and lists, terms in a row, letters
// spelled one by one, pinyin with and without tones or beside characters, digits and signs for letters,
// markup, and what folding takes apart or leaves out. What is looked for stands at the start and the end
// of a text, too.
const KINDS = [
  "Please call 客戶 at 10:30, heroin. ",
  "請確認預算，並在週五之前回覆客戶。𠮷野家！ Thanks; see J. Wu (again)?\n- one\n* 二、三\n\n",
  "毒品赌博，毒品毒",
  "毒 - ",
  "a ",
  "h e r o i n ",
  "du pin ",
  "dú2pǐn",
  "dupinduboduduPIN毒pin 毒品 ",
  "l1",
  "h3ro!n a!b$c heroinnn ",
  "<b>h</b>eroin",
  "&#104;&#101;&amp;",
  "㍱",
  "毒 - 品 a\u200b ㍱ 🎉 l1 e\u0301 ",
];
const UNITS = 8_000;
const TIMES = 6;

let isPrepared = false;

/** Has the code of moderation compiled, some 250 ms at its first call, so that no message has to wait for it. */
export const prepareModeration = (): void => {
  if (isPrepared) return;
  isPrepared = true;
  // Code that has only met lexicons with pinyin would be compiled anew for the first one without.
  const lexicons = [TERMS, TERMS.map((term) => ({ ...term, pinyin: false }))].map((terms) =>
    createLexicon(terms, "rehearsal"),
  );
  for (let time = 0; time < TIMES; time++) {
    for (const kind of KINDS) {
      const text = kind.repeat(Math.ceil(UNITS / kind.length));
      for (const lexicon of lexicons) moderate(text, lexicon);
    }
  }
};
