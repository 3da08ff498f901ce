import { findAssignments } from "./assignments.ts";
import { findOptionValues } from "./command-options.ts";
import type { Detected } from "./finding.ts";
import { distinctCharacters, isBlank } from "./placeholder.ts";
import {
  LATE_SECRET_TOKENS,
  PRIVATE_KEY_END,
  PRIVATE_KEY_START,
  SECRET_TOKEN,
  TORN_HINT,
  TORN_SECRET_TOKEN,
} from "./secret-formats.ts";

const PRIVATE_KEY_BODY =
  /^(?:\s{0,4}(?:\n|\\n)\s{0,4}(?:[A-Za-z-]{1,40}: [^\n]{0,80}\s{1,4}){0,4}[A-Za-z0-9+/=]{4}|\s{0,4}[A-Za-z0-9+/=]{16})/;
// The heading of a private key is part of a sentence that goes on, or ends, behind it.
const PROSE_BEHIND =
  /^["'`”’」』)\]*]{0,3}(?:[.,;:?!。，；：、？！](?:\s|$)|[,，]?[ \t]?(?:[A-Z]?[a-z]{1,14}(?=[\s,.;:!?]|$)|[\u4e00-\u9fff]))/;
const LOGIN_URL =
  /(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}:\/\/([^\s:@/?#]{0,128}):([^\s@/]{1,256})(@[\w.[\]-]{1,253})/g;
// user:password, USER:DB_PASSWORD, and those of who needs none.
const SAMPLE_LOGIN =
  /^(?:(?:[Uu]ser(?:name)?|name|login):(?:pass(?:wor[dt]|wd)?|pwd|secret|token)|[^:]*:(?:[A-Z_]*(?:PASS|PASSWORD|PWD|SECRET|TOKEN)|redacted|masked|hidden|x-oauth-basic)|[Aa]nonymous:.*)$/;

/** Keys, tokens, private keys and passwords in a folded text. May overlap. */
export const findSecrets = (text: string): Detected[] => [
  ...findTokens(text),
  ...findPrivateKeys(text),
  ...findLogins(text),
  ...findAssignments(text),
  ...findOptionValues(text),
];

const findTokens = (text: string): Detected[] => {
  const findings: Detected[] = [];
  const collect = (pattern: RegExp): void => {
    // `matchAll` copies the pattern, which costs a short text more than the search. From the start, though
    // the search of another text should have ended in a fault.
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const value = match[0];
      // Samples such as sk-xxxxxxxxxxxxxxxxxxxxxxxx have few characters, real keys many.
      if (distinctCharacters(value) < (/\d/.test(value) ? 8 : 16)) continue;
      if (/([xX*0.])\1{7}/.test(value)) continue;
      if (/your|example[-_]|placeholder/i.test(value)) continue;
      findings.push({ type: "secret", start: match.index, end: match.index + value.length });
    }
  };
  collect(SECRET_TOKEN);
  for (const [hint, token] of LATE_SECRET_TOKENS) if (hint.test(text)) collect(token);
  if (TORN_HINT.test(text)) collect(TORN_SECRET_TOKEN);
  return findings;
};

/** From the heading to the end mark; without one, to the end of the text, or of a heading without a key. */
const findPrivateKeys = (text: string): Detected[] => {
  const findings: Detected[] = [];
  if (!text.includes("PRIVATE KEY")) return findings;
  const ends = [...text.matchAll(PRIVATE_KEY_END)].map((match) => match.index + match[0].length);
  const headings = [...text.matchAll(PRIVATE_KEY_START)];
  let from = 0;
  let next = 0;
  for (const [at, heading] of headings.entries()) {
    if (heading.index < from) continue;
    while ((ends[next] ?? text.length) <= heading.index) next++;
    const body = heading.index + heading[0].length;
    const behind = text.slice(body, body + 400);
    const end = ends[next] ?? text.length;
    if (PRIVATE_KEY_BODY.test(behind)) from = end;
    else if (PROSE_BEHIND.test(behind)) continue;
    else if (next < ends.length && end <= (headings[at + 1]?.index ?? end)) from = end;
    else from = body + (/^[\w+/=]*/.exec(behind)?.[0].length ?? 0);
    findings.push({ type: "secret", start: heading.index, end: from });
  }
  return findings;
};

const findLogins = (text: string): Detected[] => {
  if (!text.includes("://")) return [];
  const findings: Detected[] = [];
  for (const match of text.matchAll(LOGIN_URL)) {
    const [whole, user = "", password = "", host = ""] = match;
    if (isBlank(password) || SAMPLE_LOGIN.test(`${user}:${password}`)) continue;
    const end = match.index + whole.length - host.length;
    findings.push({ type: "secret", start: end - password.length, end });
  }
  return findings;
};
