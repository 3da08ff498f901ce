import { readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import type { Observation, RunRequest } from "./driver.ts";
import { shellCommands } from "./shell-words.ts";

// `execution.blocked_commands` is defence in depth, in three layers that differ in worth: the text of
// a program is read before it starts (a lint: quotes, variables and substitutions can hide a command
// from it), the programs are absent inside, and what starts all the same ends the run where the engine
// sees it. What a command could do to the host is held by the walls of the sandbox, not by this.

interface Pattern {
  readonly text: string;
  readonly name: string;
  /** Letters; long options stand as their letter. */
  readonly flags: ReadonlySet<string>;
  readonly operands: readonly string[];
}

const toPattern = (text: string): Pattern => {
  const [name = "", ...rest] = text.trim().split(/\s+/);
  return { text, name: posix.basename(name), ...partsOf(rest) };
};

/** Flags as letters, and what is no option. */
const partsOf = (words: readonly string[]): Pick<Pattern, "flags" | "operands"> => {
  const flags = new Set<string>();
  const operands: string[] = [];
  for (const [index, word] of words.entries()) {
    if (word === "--") {
      operands.push(...words.slice(index + 1));
      break;
    }
    if (/^--\w/.test(word)) flags.add(word.charAt(2).toLowerCase());
    else if (/^-\w/.test(word)) for (const letter of word.slice(1)) flags.add(letter.toLowerCase());
    else operands.push(word);
  }
  return { flags, operands };
};

/** Whether a program is the one of a pattern, or a variant such as `mkfs.ext4`. */
export const isVariantOf = (program: string, name: string): boolean =>
  program === name || program.startsWith(`${name}.`) || program.startsWith(`${name}-`);

const isMatch = (words: readonly string[], { name, flags, operands }: Pattern): boolean => {
  const [program = "", ...rest] = words;
  if (!isVariantOf(posix.basename(program), name)) return false;
  const given = partsOf(rest);
  return (
    [...flags].every((flag) => given.flags.has(flag)) &&
    operands.every((operand) => given.operands.some((word) => isSameOperand(word, operand)))
  );
};

const isSameOperand = (word: string, operand: string): boolean =>
  word === operand ||
  // `//`, `/.`, `/tmp/..` and `/*` are the root by other names.
  (operand.startsWith("/") &&
    word.startsWith("/") &&
    posix.resolve(word.replace(/\/\*$/, "/")) === posix.resolve(operand));

const SHELL = /^(?:ba|da|k|z|a)?sh$/;
// Programs that start the program which their words name.
const WRAPPERS = new Set(
  (
    "sudo doas env command builtin exec nohup nice ionice timeout setsid stdbuf xargs busybox toybox " +
    "strace ltrace unshare nsenter chroot watch parallel setarch taskset flock time"
  ).split(" "),
);

/** The pattern that a command line matches, through shells and wrappers too. */
const matchCommand = (
  words: readonly string[],
  inputs: readonly string[],
  patterns: readonly Pattern[],
  depth = 0,
): Pattern | undefined => {
  if (depth > 8) return undefined;
  const direct = patterns.find((pattern) => isMatch(words, pattern));
  if (direct !== undefined) return direct;
  const program = posix.basename(words[0] ?? "");
  const rest = words.slice(1);
  for (const script of scriptsOf(program, rest, inputs)) {
    const found = matchScript(script.text, script.argv, patterns, depth + 1);
    if (found !== undefined) return found;
  }
  for (const start of startsOf(program, rest)) {
    const found = matchCommand(rest.slice(start), [], patterns, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

const matchScript = (
  text: string,
  argv: readonly string[],
  patterns: readonly Pattern[],
  depth = 0,
): Pattern | undefined => {
  for (const { words, inputs } of shellCommands(text, argv)) {
    const found = matchCommand(words, inputs, patterns, depth);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The shell texts that a command runs. */
const scriptsOf = (
  program: string,
  rest: readonly string[],
  inputs: readonly string[],
): { readonly text: string; readonly argv: readonly string[] }[] => {
  if (program === "eval" || program === "watch") return [{ text: rest.join(" "), argv: [] }];
  if (program === "trap") return [{ text: rest[0] ?? "", argv: [] }];
  const isShell = SHELL.test(program);
  if (!isShell && program !== "su" && program !== "script") return [];
  const option = rest.findIndex((word) => /^-\w*c$/.test(word));
  const body = option === -1 ? [] : rest.slice(option + 1).filter((word) => !/^[-+]/.test(word));
  const [text, , ...argv] = body; // the word after the text is $0
  return [
    ...(text === undefined ? [] : [{ text, argv }]),
    ...(isShell ? inputs.map((input) => ({ text: input, argv: [] })) : []),
  ];
};

/** Where in the words of a wrapper another command may begin. */
const startsOf = (program: string, words: readonly string[]): readonly number[] => {
  if (program === "find") {
    return words.flatMap((word, index) => (/^-(?:exec|ok)(?:dir)?$/.test(word) ? [index + 1] : []));
  }
  if (!WRAPPERS.has(program)) return [];
  const starts: number[] = [];
  for (const [index, word] of words.entries()) {
    // Options, `NAME=value`, and amounts such as `5`, `10s`, `0x3`.
    if (/^-|^\w+=|^\d\w*$/.test(word)) continue;
    starts.push(index);
    // What follows an option may be its value; so the command may still come.
    if (!words[index - 1]?.startsWith("-") && program !== "chroot" && program !== "flock") break;
    if (starts.length > 4) break;
  }
  return starts;
};

const STRING = /(["'`])((?:\\.|(?!\1)[^\\])*)\1/gs;
// Calls that take a shell's text or a command line: Python's os and subprocess, Node's child_process.
const CALL = new RegExp(
  String.raw`\b(?:system|popen|Popen|run|call|check_call|check_output|getoutput|getstatusoutput|` +
    String.raw`exec\w*|spawn\w*|posix_spawn\w*)\s*\(((?:\s|[\[(,]|\w+\.P_\w+|(["'${"`"}])(?:\\.|(?!\2)[^\\\n])*\2)*)`,
  "g",
);

/** The pattern that a literal command line of a Python or JavaScript program matches. */
const matchCalls = (text: string, patterns: readonly Pattern[]): Pattern | undefined => {
  const code = text.replaceAll(/^\s*(?:#|\/\/).*$/gm, "");
  for (const [, literals = ""] of code.matchAll(CALL)) {
    const words = [...literals.matchAll(STRING)].map(([, , inner = ""]) => inner);
    const [first = ""] = words;
    const found = matchCommand(words, [], patterns) ?? matchScript(first, [], patterns);
    if (found !== undefined) return found;
  }
  return undefined;
};

/**
 * Why the text of a program is refused: the blocked command that stands in it. A lint, which a program
 * that means to can get around.
 */
export const blockedCommandIn = (
  request: Pick<RunRequest, "language" | "program" | "argv" | "readonly" | "trees">,
  blocked: readonly string[],
): string | undefined => {
  if (blocked.length === 0) return undefined;
  const patterns = blocked.map(toPattern);
  const text = textOf(request);
  const found =
    request.language === "bash"
      ? matchScript(text, request.argv, patterns)
      : matchCalls(text, patterns);
  return found && `the program runs \`${found.text}\`, one of openshell.execution.blocked_commands`;
};

const textOf = ({
  program,
  readonly,
  trees = new Map(),
}: Pick<RunRequest, "program" | "readonly" | "trees">): string => {
  if (program.kind === "source") return program.text;
  for (const [path, { files }] of trees) {
    const bytes = files.get(posix.relative(path, program.path));
    if (bytes !== undefined) return bytes.length > MAX_LINTED_BYTES ? "" : bytes.toString("utf8");
  }
  const mount = [...readonly].find(([path]) => program.path.startsWith(`${path}/`));
  if (mount === undefined) return "";
  const file = join(mount[1], program.path.slice(mount[0].length));
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return size > MAX_LINTED_BYTES ? "" : readFileSync(file, "utf8");
};

const MAX_LINTED_BYTES = 4 << 20;

/** Judges what an engine sees start: the detail of the refusal, or undefined when it may go on. */
export const createExecJudge = (
  blocked: readonly string[],
): ((observation: Observation) => string | undefined) => {
  const patterns = blocked.map(toPattern);
  return (observation) => {
    if (observation.kind !== "exec") return undefined;
    const { path, argv } = observation;
    // The path is what the kernel starts; the first argument is only what the program is told.
    const found =
      matchCommand([path, ...argv.slice(1)], [], patterns) ??
      patterns.find((pattern) => isMatch(argv, pattern));
    return found && `started \`${found.text}\`, one of openshell.execution.blocked_commands`;
  };
};
