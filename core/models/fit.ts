import type { Tool } from "../contract/model.ts";

/*
 * How well a tool fits a text, from words alone. Text and description become sets of features in
 * the same way; a feature that both have is worth its weight, less the more tools share it:
 *
 *   a Latin word               1     folded and stemmed; words that any sentence has do not count
 *   two CJK characters         1     in a row, or one that stands alone; runs are cut at characters
 *                                    that any sentence has
 *   a word of the tool's name  2
 *   #number                    0.4
 *   #percent, #operator        1.1
 *   #date                      1
 *   #table                     2     rows of cells; what is in the cells does not count
 *
 * A tool fits from 1.5 on, or from 1 on when that is two thirds of all that the text says.
 */
const WEIGHTS: Readonly<Record<string, number>> = {
  "#number": 0.4,
  "#percent": 1.1,
  "#operator": 1.1,
  "#table": 2,
};
const NAME_WEIGHT = 2;
const ENOUGH = 1.5;
const ENOUGH_WHEN_MOST = 1;
const MOST = 2 / 3;

/** The tool that is named, else the one that fits best, else none. Linear in the text. */
export const fittingTool = (text: string, tools: readonly Tool[]): Tool | undefined => {
  const named = namedTool(text, tools);
  if (named) return named;
  const asked = featuresOf(text);
  const offers = tools.map((tool) => ({
    tool,
    name: featuresOf(tool.name.replaceAll(/[-_]/g, " ")),
    all: featuresOf(`${tool.name.replaceAll(/[-_]/g, " ")}\n${tool.description}`),
  }));
  const said = [...asked].reduce((sum, feature) => sum + (WEIGHTS[feature] ?? 1), 0);
  let best: Tool | undefined;
  let bestScore = 0;
  for (const { tool, name, all } of offers) {
    let score = 0;
    for (const feature of asked) {
      if (!all.has(feature)) continue;
      const sharers = offers.filter((offer) => offer.all.has(feature)).length;
      const rarity = Math.log(1 + tools.length / sharers) / Math.log(1 + tools.length);
      score += rarity * (name.has(feature) ? NAME_WEIGHT : (WEIGHTS[feature] ?? 1));
    }
    const isEnough = score >= ENOUGH || (score >= ENOUGH_WHEN_MOST && score >= said * MOST);
    if (isEnough && score > bestScore) {
      best = tool;
      bestScore = score;
    }
  }
  return best;
};

const CALL_WORDS =
  "(?:please|use|using|run|call|with|ask|the|skill|tool|請|请|使用|執行|执行|呼叫|調用|调用|用)";

/** `calculator: 3*4`, `use csv-summary on …`, `/calculator …`: the name first, call words aside. */
const namedTool = (text: string, tools: readonly Tool[]): Tool | undefined => {
  const start = text.slice(0, 200).normalize("NFKC").toLowerCase().trimStart();
  const bare = start.replace(new RegExp(`^(?:${CALL_WORDS}\\s*)*[/@"'\`「“]?`), "");
  const candidates = tools.filter((tool) => {
    const name = tool.name.toLowerCase();
    if (!bare.startsWith(name) || /^[a-z0-9_-]/.test(bare.slice(name.length))) return false;
    // "Calculator prices are high" names no tool: it takes a call word, a mark or a colon.
    return bare !== start || /^\s*[:：,，]/.test(bare.slice(name.length)) || bare.trim() === name;
  });
  return candidates.sort((a, b) => b.name.length - a.name.length)[0];
};

// What one alternative takes is nothing else any more. Every repetition that could be tried again
// from each position is bounded, so that the whole stays linear.
const CLASSES = new RegExp(
  [
    /(\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?)/u,
    /((?<=[\d)%])\s{0,4}(?:\*\*|\/\/|[-+*/×÷^x])\s{0,4}(?=[\d(\p{Sc}]))/u,
    /((?<=\d)\s{0,4}%|百分之|\bper\s?cent)/u,
    /(\d+)/u,
    /([\p{sc=Latin}']+)/u,
    /([\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]+)/u,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gu",
);

/** The set of features of a text; see the table above. */
const featuresOf = (text: string): ReadonlySet<string> => {
  const features = new Set<string>();
  const prose = withoutTables(text, features)
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase();
  for (const match of prose.matchAll(CLASSES)) {
    const [, date, operator, percent, number, word, run] = match;
    if (date) features.add("#date");
    else if (operator) features.add("#operator");
    else if (percent) features.add("#percent");
    else if (number) features.add("#number");
    else if (word) addWord(word, features);
    else if (run) addBigrams(run, features);
  }
  return features;
};

const STOP_WORDS = new Set(
  (
    "a about all am an and any are as at be been but by can could did do does for from get give had has have he " +
    "hello help her here hi him his how i if in into is it its just let like make many may me more much my need no " +
    "not of on one or our out per please she should so some tell than thank thanks that the their them then there " +
    "these they this those to today too up us use want was we were what when where which who why will with would " +
    "you your"
  ).split(" "),
);

const addWord = (word: string, features: Set<string>): void => {
  const bare = word.replaceAll("'", "");
  if (bare.length < 2 || STOP_WORDS.has(bare)) return;
  // Just enough of a stem that "days" and "day", "summarise" and "summarize" meet.
  features.add(
    bare
      .replace(/(?<=\p{L}{3})(?<!s)s$/u, "")
      .replace(/(?<=\p{L}{3})is(e|ed|ing|ation)$/u, "iz$1")
      .replace(/(?<=\p{L}{4})(?:ed?|ing|ation)$/u, ""),
  );
};

const STOP_CHARACTERS =
  /[的了是我你您他她它們们請请問问幫帮在有個个嗎吗呢吧啊和跟與与或及也都很多少什麼么怎樣样這这那哪一下給给把能可以會会要想到對对好等於于]/u;

const addBigrams = (run: string, features: Set<string>): void => {
  for (const part of run.split(STOP_CHARACTERS)) {
    const characters = [...part];
    if (characters.length === 1) features.add(part);
    for (let i = 0; i + 1 < characters.length; i += 1) {
      features.add(`${characters[i]}${characters[i + 1]}`);
    }
  }
};

const DELIMITERS = [",", ";", "\t", "|"];
/** Three cells or more without a space after the delimiter: `name,qty,price`. */
const INLINE_ROW = /[^\s,;|"'`「」“”]{1,64}(?:[,;|\t][^\s,;|"'`「」“”]{1,64}){2,}/gu;
const GROUPED_NUMBER = /\d{1,3}(?:,\d{3}){1,8}(?!\d)/g;

const ADDRESS = /\bhttps?:\/\/\S{1,2000}/gi;

/** What is left of a text once addresses and table rows are taken out; rows add `#table`. */
const withoutTables = (text: string, features: Set<string>): string => {
  const lines = text.replaceAll(ADDRESS, " ").split(/\r\n?|\n/);
  const shapes = lines.map(rowShape);
  const prose = lines.filter((_line, index) => {
    const shape = shapes[index];
    if (!shape || (shape !== shapes[index - 1] && shape !== shapes[index + 1])) return true;
    features.add("#table");
    return false;
  });
  return prose
    .join("\n")
    .replaceAll(GROUPED_NUMBER, (number) => number.replaceAll(",", ""))
    .replaceAll(INLINE_ROW, () => {
      features.add("#table");
      return " ";
    });
};

/** Delimiter and count, equal for the rows of one table; empty for a line of prose. */
const rowShape = (line: string): string => {
  const bare = line.replaceAll(/"[^"]*"/g, "").replaceAll(GROUPED_NUMBER, "0");
  for (const delimiter of DELIMITERS) {
    const count = bare.split(delimiter).length - 1;
    // A single comma or semicolon with a space after it is punctuation.
    if (count > 1 || (count === 1 && !/[,;]\s/.test(bare))) return `${delimiter}${count}`;
  }
  return "";
};
