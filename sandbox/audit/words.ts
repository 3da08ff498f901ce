/**
 * A text from inside a sandbox, made fit for a record: at most `max` UTF-16 units, with a mark where
 * more followed, and without halves of surrogate pairs, which not every reader of JSON takes.
 */
export const cut = (text: string, max: number): string =>
  text.length <= max
    ? text.toWellFormed()
    : `${text.slice(0, max).toWellFormed()}[cut: ${text.length - max} more]`;

/** An argument vector as one would type it, secrets masked: words that need it are in quotes. */
export const commandLine = (argv: readonly string[], max: number): string => {
  const words: string[] = [];
  let room = max;
  for (const [index, word] of argv.entries()) {
    if (room <= 0) return `${words.join(" ")} [cut: ${argv.length - index} more words]`;
    words.push(quote(cut(maskWord(word.slice(0, room), argv[index - 1]), room)));
    if (word.length > room) words.push(`[cut: ${word.length - room} more]`);
    room -= word.length + 1;
  }
  return words.join(" ");
};

/** `cut`, with what looks like a secret masked. */
export const cutAndMask = (text: string, max: number): string => maskText(cut(text, max));

/** What does not look like a secret stays. */
const maskText = (text: string): string =>
  text.replace(KNOWN, MASK).replace(NAMED, `$1${MASK}`).replace(USER_INFO, `$1${MASK}@`);

const MASK = "***";

// What platforms issue bears a mark of its own: OpenAI, GitHub, GitLab, Slack, AWS, JSON Web Tokens.
const KNOWN =
  /\b(?:[sprk]k[-_][A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/g;
const SECRET_NAME =
  "pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|authorization|cookie";
const NAMED = new RegExp(
  String.raw`((?:${SECRET_NAME})["']?\s{0,4}[=:]\s{0,4}["']?(?:(?:bearer|basic|token)\s{1,4})?)[^\s"'&;]+`,
  "gi",
);
const USER_INFO = /(:\/\/[^\s:@/]*:)[^\s@/]+@/g;
const SECRET_FLAG = new RegExp(`^--?[a-z-]*(?:${SECRET_NAME})$`, "i");
const USER_FLAG = /^(?:-u|--user|--proxy-user)$/;

const maskWord = (word: string, before: string | undefined): string => {
  if (before !== undefined && SECRET_FLAG.test(before)) return MASK;
  if (before !== undefined && USER_FLAG.test(before)) return maskPassword(word);
  return maskText(word);
};

const maskPassword = (word: string): string =>
  word.includes(":") ? `${word.slice(0, word.indexOf(":"))}:${MASK}` : word;

const quote = (word: string): string =>
  /^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
