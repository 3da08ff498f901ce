/** A simple command of a shell script, as far as it can be told without running it. */
export interface ShellCommand {
  /** Quotes and escapes taken off, assignments in front left out. */
  readonly words: readonly string[];
  /** Here-documents and here-strings that the command reads. */
  readonly inputs: readonly string[];
}

// Stands in a word for what only a run can tell. No command has it in its name.
const UNKNOWN = "\uFFFC";
// Parts a word that an expansion made several of.
const SPLIT = "\uE000";
// A script may double a variable in a loop of its text: it must not grow in our memory.
const MAX_VALUE = 4096;
const MAX_DEPTH = 16;
const RESERVED = new Set(
  "if then elif else fi while until do done for esac in select function time coproc { } !".split(
    " ",
  ),
);

interface Script {
  readonly variables: Map<string, string>;
  readonly commands: ShellCommand[];
}

/**
 * The simple commands of a bash script, those in substitutions included. Reads quotes, escapes,
 * here-documents, comments, arguments and variables that were set to plain text. Nothing is run, so
 * who wants to hide a command from it can.
 */
export const shellCommands = (text: string, argv: readonly string[] = []): ShellCommand[] => {
  const variables = new Map(argv.map((word, index) => [String(index + 1), word]));
  for (const all of ["@", "*"]) variables.set(all, argv.join(SPLIT));
  const script: Script = { variables, commands: [] };
  readCommands(text, script, 0);
  return script.commands;
};

const readCommands = (text: string, script: Script, depth: number): void => {
  if (depth > MAX_DEPTH) return;
  let at = 0;
  let words: string[] = [];
  let inputs: string[] = [];
  let pending: { readonly heredoc: Heredoc; readonly inputs: string[] }[] = [];
  let cases = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const word = (): string[] => {
    const read = readWord(text, at, script, depth);
    at = Math.max(read.end, at + 1);
    return read.word.split(SPLIT);
  };
  const endCommand = (): void => {
    if (words.length > 0) script.commands.push({ words, inputs });
    words = [];
    inputs = [];
  };
  const redirect = (): void => {
    const operator = skip(/&?[<>]+[-&|]?/y);
    skip(/[ \t]*/y);
    if (operator === "<<" || operator === "<<-") {
      pending.push({ heredoc: heredocAt(skip(/[^\s;&|<>()]+/y), operator), inputs });
    } else if (text[at] === "(" && operator.length === 1) {
      const end = closing(text, at + 1);
      readCommands(text.slice(at + 1, end), script, depth + 1);
      at = end + 1;
      words.push(UNKNOWN);
    } else {
      const target = word();
      if (operator === "<<<") inputs.push(target.join(" "));
    }
  };
  const simpleWord = (): void => {
    const start = at;
    const parts = word();
    const raw = text.slice(start, at);
    if (/^\d+$/.test(raw) && /[<>]/.test(text[at] ?? "")) return; // a descriptor's number
    const isFirst = words.length === 0;
    const assignment = isFirst ? /^([A-Za-z_]\w*)\+?=/.exec(raw) : null;
    if (assignment?.[1] !== undefined) {
      const value = text[at] === "(" && raw.endsWith("=") ? list() : parts.join(SPLIT);
      const plain = value.slice(value.indexOf("=") + 1);
      script.variables.set(assignment[1], plain.length > MAX_VALUE ? UNKNOWN : plain);
    } else if (isFirst && raw === "case") {
      while (at < text.length && !/^in\b/.test(text.slice(at, at + 3))) {
        skip(/\s*/y);
        if (!text.startsWith("in", at)) word();
      }
      at += 2;
      cases++;
      casePattern();
    } else if (isFirst && raw === "esac") {
      cases = Math.max(0, cases - 1);
    } else if (isFirst && /\s*\(\s*\)/y.test(text.slice(at, at + 16))) {
      skip(/\s*\(\s*\)/y); // the name of a function that is defined here
    } else if (!(isFirst && RESERVED.has(raw))) {
      words.push(...parts);
    }
  };
  const list = (): string => {
    const items: string[] = [];
    at++;
    for (skip(/\s*/y); at < text.length && text[at] !== ")"; skip(/\s*/y)) items.push(...word());
    at++;
    return `=${items.join(SPLIT)}`;
  };
  const casePattern = (): void => {
    skip(/\s*/y);
    if (!/^esac\b/.test(text.slice(at, at + 5))) skip(/[^)]*\)?/y);
  };

  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === "\n") {
      endCommand();
      at++;
      for (const { heredoc, inputs: theirs } of pending) {
        const body = heredocBody(text, at, heredoc);
        at = body.end;
        theirs.push(body.text);
        if (!heredoc.isPlain) readWord(`"${body.text.replaceAll('"', "'")}"`, 0, script, depth);
      }
      pending = [];
    } else if (/\s/.test(character)) at++;
    else if (character === "#") skip(/[^\n]*/y);
    else if (/[<>]/.test(character) || text.startsWith("&>", at)) redirect();
    else if (";&|()".includes(character)) {
      endCommand();
      const separators = skip(/;;?&?|[&|()]/y);
      if (separators.startsWith(";;") && cases > 0) casePattern();
    } else simpleWord();
  }
  endCommand();
};

/** One word from `at` on, expansions done where their values are plain in the text. */
const readWord = (
  text: string,
  from: number,
  script: Script,
  depth: number,
): { readonly word: string; readonly end: number } => {
  let at = from;
  let word = "";
  let isQuoted = false;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (!isQuoted && /[\s;&|()<>]/.test(character)) break;
    if (character === '"') {
      isQuoted = !isQuoted;
      at++;
    } else if (character === "'" && !isQuoted) {
      const end = indexOr(text, "'", at + 1);
      word += text.slice(at + 1, end);
      at = end + 1;
    } else if (character === "\\") {
      const next = text[at + 1] ?? "";
      word += next === "\n" ? "" : isQuoted && !/["\\$`]/.test(next) ? `\\${next}` : next;
      at += 2;
    } else if (character === "`") {
      const end = indexOr(text, "`", at + 1);
      readCommands(text.slice(at + 1, end), script, depth + 1);
      word += UNKNOWN;
      at = end + 1;
    } else if (character === "$") {
      const read = readExpansion(text, at, isQuoted, script, depth);
      word += read.word;
      at = read.end;
    } else {
      word += character;
      at++;
    }
  }
  return { word, end: at };
};

const readExpansion = (
  text: string,
  at: number,
  isQuoted: boolean,
  script: Script,
  depth: number,
): { readonly word: string; readonly end: number } => {
  if (text.startsWith("$'", at) && !isQuoted) {
    const literal = /\$'((?:[^'\\]|\\.)*)'?/sy;
    literal.lastIndex = at;
    const [raw = "$'", inner = ""] = literal.exec(text) ?? [];
    return { word: unescapeAnsi(inner), end: at + raw.length };
  }
  if (text.startsWith("$(", at)) {
    const end = closing(text, at + 2);
    if (text[at + 2] !== "(") readCommands(text.slice(at + 2, end), script, depth + 1);
    return { word: UNKNOWN, end: end + 1 };
  }
  const variable =
    /\$(?:([A-Za-z_]\w*|\d|[@*])|\{([A-Za-z_]\w*|\d+|[@*])(?:\[[@*]\])?\}|\{[^}]*\}?|.)?/sy;
  variable.lastIndex = at;
  const [raw = "$", bare, braced] = variable.exec(text) ?? [];
  const value = script.variables.get(bare ?? braced ?? "") ?? UNKNOWN;
  if (raw === '$"') return { word: "", end: at + 1 }; // a quote of its own
  return {
    word: isQuoted ? value : value.replaceAll(/\s+/g, SPLIT),
    end: at + raw.length,
  };
};

const unescapeAnsi = (inner: string): string =>
  inner.replaceAll(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))/gs, (_, hex, octal, other) =>
    other !== undefined
      ? other === "n" || other === "t"
        ? " "
        : other
      : String.fromCharCode(
          hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16),
        ),
  );

/** Where the parenthesis that is open before `at` closes; the end of the text when it does not. */
const closing = (text: string, from: number): number => {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === "'") at = indexOr(text, "'", at + 1);
    else if (character === "(") open++;
    else if (character === ")" && --open === 0) return at;
  }
  return text.length;
};

const indexOr = (text: string, wanted: string, from: number): number => {
  const index = text.indexOf(wanted, from);
  return index === -1 ? text.length : index;
};

interface Heredoc {
  readonly end: string;
  /** The end word is quoted: nothing in the body is expanded. */
  readonly isPlain: boolean;
  readonly stripsTabs: boolean;
}

const heredocAt = (raw: string, operator: string): Heredoc => ({
  end: raw.replaceAll(/["'\\]/g, ""),
  isPlain: /["'\\]/.test(raw),
  stripsTabs: operator === "<<-",
});

const heredocBody = (
  text: string,
  from: number,
  { end, stripsTabs }: Heredoc,
): { readonly text: string; readonly end: number } => {
  for (let at = from; at < text.length; ) {
    const lineEnd = indexOr(text, "\n", at);
    const line = text.slice(at, lineEnd);
    if ((stripsTabs ? line.replace(/^\t+/, "") : line) === end) {
      return { text: text.slice(from, at), end: lineEnd };
    }
    at = lineEnd + 1;
  }
  return { text: text.slice(from), end: text.length };
};
