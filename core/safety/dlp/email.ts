import type { Detected } from "./finding.ts";

// Texts are full of words and have few signs for "at". So that is what is looked for, and only then
// what stands before it.
const NAME = "A-Za-z0-9._%+'-";
const PART = `[A-Za-z0-9][${NAME}]{0,63}`;
const LOCAL = `(?<![${NAME}])(${PART}(?:[[({<]dot[\\])}>]${PART}){0,3})`;
const AT = "(?:@|[[({<【（「]\\s?(?:at|@|艾特|小老鼠)\\s?[\\])}>】）」]|艾特|小老鼠)";
const DOT =
  "(?:\\s?\\.\\s?|[。｡]|\\s{0,2}[[({<【（「]\\s?(?:dot|\\.)\\s?[\\])}>】）」]\\s{0,2}|\\s{1,2}dot\\s{1,2}|\\s{0,2}[點点]\\s{0,2})";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})";
const ADDRESS = new RegExp(
  `${AT}(?<=${LOCAL}(\\s{0,2}${AT}))(\\s{0,2})(${LABEL}(?:${DOT}${LABEL}){1,8})`,
  "gi",
);
// Spoken: "wang at example dot com". A bare " at " alone is English, so the dot must be spoken too.
const SPOKEN = new RegExp(
  `at(?=[\\s_]{1,2}${LABEL}[\\s_]{1,2}dot)(?<=(${LOCAL}[\\s_]{1,2})at)[\\s_]{1,2}${LABEL}(?:[\\s_]{1,2}dot[\\s_]{1,2}${LABEL}){1,5}(?![A-Za-z0-9])`,
  "gi",
);
// "Look at example dot com": a site, not a person.
const PLACED =
  /^(?:about|at|available|be|booking|call|chat|check|docs?|found|here|hosted|is|it|live|look|looking|me|meet|meeting|ones?|online|order|page|register|running|see|site|start|stay|us|visit|was|website|work|works|working)\s/i;
const LOGIN = /:\/\/[^\s/@:?#]*:[^\s/@]*$/;
const USER = /:\/\/[^\s/@?#]*$/;
const SPACE = /\s/;
// What addresses hold, then which signs they are written with, and spoken ones: "at" alone is in many texts.
const AT_SIGN = /@|\bat\b|_at_|艾特|小老鼠/i;
const WRITTEN_SIGN = /@|艾特|小老鼠|[[({<【（「]\s?at/i;
const SPOKEN_DOT = /[\s_]dot[\s_]/i;
const TOP_LEVEL = /^(?:[a-z]{2,24}|xn--[a-z0-9-]{1,59})$/i;
const USUAL_TOP_LEVEL =
  /^(?:com|net|org|edu|gov|mil|int|io|co|cn|tw|hk|jp|kr|sg|us|uk|de|fr|eu|me|info|biz|app|dev|ai|cc|tv|xyz|top|tech|cloud|online|shop|site|test|example|local|corp)$/i;
// logo@2x.png, styles@latest.css: names of files.
const FILE_ENDING =
  /^(?:png|jpe?g|gif|svg|webp|ico|bmp|css|s[ac]ss|less|js|mjs|cjs|jsx|ts|tsx|json|ya?ml|toml|xml|html?|md|txt|log|pdf|zip|tgz|gz|tar|whl|jar|exe|dll|so|conf|cfg|ini|service)$/i;

/** E-mail addresses in a folded text, also spaced or spelled out. */
export const findEmails = (text: string): Detected[] => {
  if (!AT_SIGN.test(text)) return [];
  const written = WRITTEN_SIGN.test(text) ? findWritten(text) : [];
  return SPOKEN_DOT.test(text) ? [...written, ...findSpoken(text)] : written;
};

const findWritten = (text: string): Detected[] => {
  const findings: Detected[] = [];
  const hasLinks = text.includes("://");
  let taken = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const [whole, local = "", signBefore = "", blanks = "", domain = ""] = match;
    const domainEnd = match.index + whole.length;
    const domainStart = domainEnd - domain.length;
    const at = signBefore + blanks;
    const start = domainStart - at.length - local.length;
    // What was read as the domain of one is not the name in another.
    if (start < taken) continue;
    taken = domainEnd;
    const cut = cutDomain(domain, text[domainEnd] ?? "");
    if (cut === undefined) continue;
    const end = domainStart + cut.length;
    const isSpaced = (at !== "@" && SPACE.test(at)) || SPACE.test(cut);
    if (isSpaced && !USUAL_TOP_LEVEL.test(lastLabel(cut))) continue;
    if (hasLinks && isInLogin(text, start, end)) continue;
    // git@host is where repositories are.
    if (at === "@" && local.toLowerCase() === "git") continue;
    findings.push({ type: "email", start, end });
  }
  return findings;
};

/** The password of a login in a URL stands before an @, too. */
const isInLogin = (text: string, start: number, end: number): boolean => {
  const before = text.slice(Math.max(0, start - 160), start);
  return LOGIN.test(before) || (text[end] === "/" && USER.test(before));
};

const findSpoken = (text: string): Detected[] => {
  const findings: Detected[] = [];
  let taken = 0;
  for (const match of text.matchAll(SPOKEN)) {
    const end = match.index + match[0].length;
    const start = match.index - (match[1] ?? "").length;
    if (start < taken) continue;
    taken = end;
    const spoken = text.slice(start, end);
    if (!USUAL_TOP_LEVEL.test(lastLabel(spoken)) || PLACED.test(spoken)) continue;
    findings.push({ type: "email", start, end });
  }
  return findings;
};

const lastLabel = (domain: string): string => {
  let start = domain.length;
  while (start > 0 && isOfLabel(domain.charCodeAt(start - 1))) start--;
  return domain.slice(start);
};

const isOfLabel = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x2d;
};

/** The domain up to its last top-level label; a sentence may have gone on behind its dot. */
const cutDomain = (domain: string, next: string): string | undefined => {
  let rest = domain;
  while (rest !== "") {
    const label = lastLabel(rest);
    const start = rest.length - label.length;
    const isWhole = start === 0;
    if (isWhole) return undefined;
    // "a@b.com. Thanks": a label behind a dot and a blank counts only if it is a usual ending.
    const isApart = rest[start - 1] !== "." && isSentenceEnd(rest.slice(0, start));
    const fits = isApart ? USUAL_TOP_LEVEL.test(label) : TOP_LEVEL.test(label);
    if (fits && !FILE_ENDING.test(label) && !(rest === domain && /^[\d_]/.test(next))) return rest;
    if (!isApart) return undefined;
    rest = rest.slice(0, start).replace(/\s*(?:[.點点。｡]|dot)\s*$/i, "");
  }
  return undefined;
};

const isSentenceEnd = (before: string): boolean =>
  /(?:[.點点]\s+|[。｡])$/.test(before) && !/\s[.点點]\s+$/.test(before);
