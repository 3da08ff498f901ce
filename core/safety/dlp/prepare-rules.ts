import { unitsOf } from "../units.ts";
import { createAlphabet, createReader } from "./alphabet.ts";
import { cutIntoBlocks } from "./blocks.ts";
import { createDlp } from "./dlp.ts";
import { Group } from "./group.ts";
import { charactersFrom, noise, PRINTABLE } from "./noise.ts";
import { prepareDlp } from "./prepare.ts";
import { compileProgram } from "./program.ts";
import { budgetOf, GroupSearch } from "./search-groups.ts";

const HAN = charactersFrom(0x4e00, 400);

// Of two groups, with and without borders of words. Their automata grow until all is spent that a text may cost.
const RULES = [
  ...Array.from(charactersFrom(0x63, 16), (letter) => `[a-${letter}]*${letter}[a-z]{12}#`),
  ...Array.from(charactersFrom(0x61, 12), (letter) => `\\b[a-z ]+${letter}$|\\B\\d`),
  "\\S+$",
  ".*q.*\\pL",
  (noise(600, HAN).match(/.{3}/g) ?? []).join("|"),
].map((pattern, index) => ({
  name: `rule ${index}`,
  pattern,
  action: index % 2 ? ("block" as const) : ("redact" as const),
}));

const UNITS = 10_000;
const TIMES = 2;
// Without a match, with many, of many characters, and one that folding changes.
const TEXTS = [PRINTABLE, "abcdefghijklmnopqrstuvwxyz     ", HAN, "ab4%"].map((characters) =>
  noise(UNITS, characters),
);

/** A search as each text has one, done. */
const searchOnce = (): GroupSearch => {
  const text = "a";
  const program = compileProgram(text) ?? { start: 0, steps: [] };
  const alphabet = createAlphabet(program.steps);
  const blocks = cutIntoBlocks(createReader(alphabet)(unitsOf(text)), 0);
  const options = { isOpen: false, budget: budgetOf(text.length) };
  const search = new GroupSearch(
    [{ group: new Group([program], alphabet), bits: 1 }],
    blocks,
    options,
  );
  search.run(() => false);
  return search;
};

// Never searched again. Where a collection finds no object of a class, V8 forgets what such objects look
// like and throws away what it compiled for them: the next text took 116 ms instead of 29.
let kept: GroupSearch | undefined;

/**
 * Has the code of customers' rules compiled, some 300 ms at its first call beside those of `prepareDlp`, so that
 * the first text for which automata are built and the first one that costs too much take no longer than others.
 */
export const prepareRules = (): void => {
  if (kept) return;
  kept = searchOnce();
  prepareDlp();
  const dlp = createDlp({ rules: RULES });
  for (let time = 0; time < TIMES; time++) {
    for (const text of TEXTS) {
      dlp.inspect(text);
      const stream = dlp.stream();
      stream.push(text);
      stream.end();
    }
  }
};
