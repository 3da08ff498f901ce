import type { Detected } from "./finding.ts";
import { entropy, isPlaceholder } from "./placeholder.ts";
import { isWordPassword } from "./word-passwords.ts";

const NAMED_PASSWORD =
  "p\\s?[a@4]\\s?(?:[s$5]\\s?){2}[_-]?w\\s?[o0]\\s?r\\s?ds?|passwd|pass\\s?phrase|passcode|psw|pwd|密[\\s·-]?[码碼]|口[\\s·-]?令|通行[码碼]|登[录錄入]密[码碼]|暗[号號]";
// "You can pass `x`" is English.
const PASSWORD = `${NAMED_PASSWORD}|pass(?!\\s["'\`])|(?<![A-Za-z])pw|passwort|contrasena|senha|пароль|パスワード|비밀번호`;
const RARE_PASSWORD = "mima|mot de passe|identified by";
// What ends in "token" or "secret" is found by that.
const KEY =
  "secret|token|api[-_ ]?key|apikey|access[-_ ]?key(?:[-_ ]?id)?|secret[-_ ]?(?:access[-_ ]?)?key|private[-_ ]?key|auth[-_ ]?key|encoding[-_ ]?aes[-_ ]?key|account[-_ ]?key|shared[-_ ]?access[-_ ]?key|signature|sig|bearer|authorization|credential|(?<![A-Za-z])[as]k(?=\\s{0,3}[:=])|[密秘][钥鑰]|密匙|金[钥鑰]|令牌|权杖|權杖|私[钥鑰]|凭[证據]|憑證";
const ASSIGNED =
  "(?:\\s{0,3}[\"'`]?\\]?\\s{0,3}(?:[=-]>|[→⇒]|:=|==?|[:∶は]|>(?=[^\\s<]{5,64}<\\/)|(?:就?是|[改設设換换]?[成为為]):?)|[\"']?\\svalue=|\\s{1,2}(?:is|was)(?: now)?[:]?(?=\\s)|\\s(?=[\"'`])|(?<=[码碼令])(?=[A-Za-z0-9]))";
const REMARK = "(?:\\s?\\([^()\\n]{1,20}\\))?";
const assignmentTo = (password: string): RegExp =>
  new RegExp(
    `(?:(${password})|(?:${KEY}))([-_]\\w{1,12})?${REMARK}(${ASSIGNED}\\s{0,3})(["'\`“「]?)(?:(?:bearer|basic|token)\\s{1,2})?([!-~]{5,512})`,
    "gi",
  );
const ASSIGNMENT = assignmentTo(PASSWORD);
const RARE_ASSIGNMENT = assignmentTo(`${PASSWORD}|${RARE_PASSWORD}`);
// "密码 Xk82…", or the password on a line of its own: only what nobody takes for a word.
const NEXT_TO_NAME = new RegExp(
  `(?:(${NAMED_PASSWORD})|(?:${KEY}))${REMARK}(?:\\s{1,3}(?:[-|]\\s{1,2}|(?:(?:re)?set |changed )?to )?|[,\\]]\\s)([!-~]{8,512})(?![!-~])`,
  "gi",
);
const LEAST_CHANGES = 3;
// An address, or a name or a call in a program.
const CODE =
  /^(?:https?:\/\/|[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+[;,)]*$|[A-Za-z_$][\w$.]*[([]|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$)/;
const BEARER = /\bBearer\s{1,2}([\w\-.~+/]{20,2000}={0,2})/g;
// What names hold, apart from the rare ones. Apart, too, because V8 leaps to what begins with one of at
// most 16 characters, capitals counted, and looks at every character of a text for more.
const HINT =
  /p\s?[a@4]\s?[s$5]|pw|psw|secret|token|key|sig|bearer|authorization|credential|[as]k\s{0,3}[:=]|contras|senha/i;
const OTHER_HINT = /密|口[\s·-]?令|通行|暗|钥|鑰|令牌|杖|凭|憑|пароль|パスワ|비밀/i;
const RARE_HINT = new RegExp(RARE_PASSWORD, "i");

/** Passwords and keys that a text names as such, in a folded text: `password=…`, `"api_key": "…"`. */
export const findAssignments = (text: string): Detected[] => {
  const hasRare = RARE_HINT.test(text);
  if (!hasRare && !HINT.test(text) && !OTHER_HINT.test(text)) return [];
  const findings: Detected[] = [];
  for (const match of text.matchAll(hasRare ? RARE_ASSIGNMENT : ASSIGNMENT)) {
    const [whole, name, more, sign = "", quote = "", raw = ""] = match;
    const value = assignedValue(raw, quote);
    const start = match.index + whole.length - raw.length;
    const end = start + value.length;
    const isInName = text[match.index - 1] === "_";
    const place = { name: name ?? "", isInName, sign, quote, behind: text.slice(end, end + 4) };
    const isSecret =
      name === undefined
        ? isKey(value)
        : isPassword(value, quote !== "") || (more === undefined && isWordPassword(value, place));
    if (!isSecret) continue;
    findings.push({ type: "secret", start, end });
  }
  for (const match of text.matchAll(NEXT_TO_NAME)) {
    const [whole, pass, raw = ""] = match;
    const value = assignedValue(raw, "");
    const isSecret =
      pass === undefined ? value.length >= 20 && isKey(value) : isPassword(value, false);
    if (!isSecret || !isMixed(value)) continue;
    const start = match.index + whole.length - raw.length;
    findings.push({ type: "secret", start, end: start + value.length });
  }
  for (const match of text.matchAll(BEARER)) {
    const [whole, value = ""] = match;
    const end = match.index + whole.length;
    if (isKey(value)) findings.push({ type: "secret", start: end - value.length, end });
  }
  return findings;
};

/** The value up to its closing quote, or to what ends an unquoted one. */
export const assignedValue = (raw: string, quote: string): string => {
  const closing = quote === "" ? -1 : raw.indexOf(quote);
  if (closing >= 0) return raw.slice(0, closing);
  const open = /^[^\s"'`,;&<>]*(?:<(?!\/)[^\s]*>)?/.exec(raw)?.[0] ?? "";
  // In Markdown a link goes on behind what its address ends with.
  const link = open.search(/\)?\]\(/);
  const value = link < 0 ? open : open.slice(0, link);
  let end = value.length;
  while (end > 0 && ".)]}!?:".includes(value.charAt(end - 1))) end--;
  return value.endsWith("!") && end === value.length - 1 ? value : value.slice(0, end);
};

// What characters a value has, a bit each: of the marks, those of names and paths count for less.
const SMALL = 1;
const CAPITAL = 2;
const DIGIT = 4;
const MARK = 8;
const ODD_MARK = 16;
const CLASSES = SMALL | CAPITAL | DIGIT | MARK;

const kindOf = (char: string): number => {
  if (/[a-z]/.test(char)) return SMALL;
  if (/[A-Z]/.test(char)) return CAPITAL;
  if (/\d/.test(char)) return DIGIT;
  return /[_.\-/]/.test(char) ? MARK : MARK | ODD_MARK;
};
const KINDS = Array.from({ length: 128 }, (_, unit) => kindOf(String.fromCharCode(unit)));

const kindsIn = (value: string): number => {
  let kinds = 0;
  for (let i = 0; i < value.length; i++) kinds |= KINDS[value.charCodeAt(i)] ?? MARK | ODD_MARK;
  return kinds;
};

/** Whether a value that something calls a password is one, and no placeholder, word or code. */
export const isPassword = (value: string, isQuoted: boolean): boolean => {
  if (value.length < 6 || value.length > 128) return false;
  const kinds = kindsIn(value);
  if (kinds === DIGIT) return !/^(?:19|20)\d{6}$/.test(value);
  return (
    (isDiverse(kinds) || (isQuoted && isVaried(value))) &&
    !isPlaceholder(value) &&
    !CODE.test(value)
  );
};

/** Whether words, names and paths have no such characters. */
const isDiverse = (kinds: number): boolean => {
  const classes = kinds & CLASSES;
  const hasTwo = (classes & (classes - 1)) !== 0;
  return hasTwo && (kinds & (DIGIT | ODD_MARK)) !== 0;
};

/** Whether what stands in quotes is neither short nor even, and begins like no words. */
const isVaried = (value: string): boolean =>
  value.length >= 8 && entropy(value) > 2.75 && !/^[a-z]+[-_ ]/i.test(value);

/** Capitals, small letters and digits, with a mark within or changed often: no word looks like that. */
const isMixed = (value: string): boolean =>
  /[a-z]/.test(value) &&
  /[A-Z]/.test(value) &&
  /\d/.test(value) &&
  !/@.*\./.test(value) &&
  (/[!#$%^&*+=?~@][A-Za-z0-9]/.test(value) ||
    (value.match(/[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0) >= LEAST_CHANGES);

const isKey = (value: string): boolean =>
  value.length >= 12 &&
  /\d/.test(value) &&
  /[A-Za-z]/.test(value) &&
  entropy(value) >= (value.length >= 16 ? 2.8 : 3.2) &&
  (!isPlaceholder(value) || looksRandom(value)) &&
  !CODE.test(value) &&
  !/^(?:v?\d+\.){2,}/.test(value);

// Vendors' sample keys end in EXAMPLEKEY and are random otherwise.
const looksRandom = (value: string): boolean =>
  /^[A-Za-z0-9+/=]{32,}$/.test(value) && entropy(value) > 4.2;
