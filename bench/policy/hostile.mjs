// What makes data-loss prevention work hardest: texts full of what it looks for or nearly, and rules
// that match everywhere, nearly match, or have automata that grow.
import { noise } from "../../dist/core/safety/dlp/noise.js";
import { below, fill, letters, SENTENCES } from "./texts.mjs";

/** Of a text in bytes. */
export const SIZE = 100 * 1024;

const numbersAndWords = [
  ..."41!l=的+I9`)密?",
  "138",
  "13800138000",
  "ａ",
  "Bearer ",
  "tel ",
  "user",
  "-p",
];

/**
 * By name: what a text consists of, over and over. The last nine were found by looking for what takes longest,
 * one change after another.
 */
export const DATA = [
  ["mixed", SENTENCES],
  ["cards", "4111 1111 1111 1111 "],
  ["addresses", "a@b.cc "],
  ["single digits", "1 "],
  ["mobile numbers", "13800138000 "],
  ["passwords", "password=Xk39sl2mQ9z "],
  ["a rule's matches", "EMP-123456 "],
  ["everything", "4111111111111111 a@b.cc DE89370400440532013000 123-45-6789 EMP-123456 "],
  ["full width", "４１１１１１１１１１１１１１１１ "],
  ["codes", "3f2a9b "],
  ["cards whose check digit is wrong", "4111 1111 1111 1112 "],
  ["digits spelled apart", "1 and 2 "],
  ["social security numbers", "123-45-6789 "],
  ["mobile numbers in groups", "0912-345-678 "],
  ["cloud keys", "AKIAIOSFODNN7EXAMPLF "],
  ["long keys", "ghp_abcdefghijklmnopqrstuvwxyz0123456789 "],
  ["logins in links", "https://a:b12cD3@h "],
  ["invisible characters", "\u200b"],
  ["digits with invisible ones between", "4\u200b1\u200b"],
  ["digits with marks between", "1+3}"],
  ["digits with dots between", "1.2.3.4 "],
  ["digits and a numeral", "1 一3 8 "],
  ["digits behind their name", "ssn 1 2 3 4 5 6 7 8 "],
  ["starts of account numbers", "DE12 "],
  [
    "numbers among names of passwords",
    "13800138000@l13800138000pass`atl13800138000pass`0l13800138000身份证I",
  ],
  ["Cyrillic among Latin letters", "1-p1@аA155111~-pа51-p1-pа-pа51-p151"],
  ["names of passwords", "s9手机mima://eyJ"],
  ["starts of torn keys", "68 8 /sk-"],
  [
    "numbers, keys and their names",
    "2}1GBx密<O--13800138000-p1-----BEGINéatａs3  Bearer 13800138000-p1-----BEGINghp_3094.com}19O13800138000-p1-----BEGIN}1--:^token=  Bearer 13800138000}13094.com1user8",
  ],
  [
    "the same in no order",
    letters(30_000, () => numbersAndWords[below(numbersAndWords.length)] ?? ""),
  ],
  [
    "starts of keys and of cards in no order",
    noise(
      60_000,
      "4111 4111 4111 ghp_ ghp_ ghp_ Bearer_ Bearer_ token= pw pw 09 1 1 ] ] ] ) ! ① | >".split(
        " ",
      ),
    ),
  ],
  [
    "figures and letters for digits in no order",
    noise(100_000, [..."3l?.,密6560:.3l?.30~55]0:0:[0~50", "ssn ", "id", "09", "GB"]),
  ],
  [
    "accounts, dashes and their names in no order",
    noise(60_000, [..."\nа[O83O8838%", "-", "--", "--", "--", "--", "at", "at", "DE12", "token="]),
  ],
];

/** By name: whole texts for customers' rules. */
export const TEXTS = [
  ["mixed", fill(SENTENCES, SIZE)],
  ["one letter", "a".repeat(SIZE)],
  ["two letters", letters(SIZE, () => "ab"[below(2)])],
  ["printable", letters(SIZE, () => String.fromCharCode(33 + below(94)))],
  ["words", letters(SIZE, () => (below(6) ? String.fromCharCode(97 + below(26)) : " "))],
  [
    "Chinese",
    fill(
      letters(30_000, () => String.fromCharCode(0x4e00 + below(8000))),
      SIZE,
    ),
  ],
  ["digits", letters(SIZE, () => String(below(10)))],
  ["invisible ones", fill("a\u200b1\u200b", SIZE)],
  [
    "full width",
    fill(
      letters(2000, () => String.fromCharCode(0xff21 + below(26))),
      SIZE,
    ),
  ],
  ["matches", fill("EMP-123456 ", SIZE)],
  // Of which every block is looked at again as folded.
  [
    "encoded ones",
    fill(
      letters(9000, () => ["%41", " ", "vxz", "..", "Ｌ"][below(5)]),
      SIZE,
    ),
  ],
];

const letter = (at) => String.fromCharCode(97 + (at % 26));
const word = () => letters(4 + below(6), () => letter(below(26)));
const hanWord = () => letters(2 + below(3), () => String.fromCharCode(0x4e00 + below(3000)));
const list = (count, of) => Array.from({ length: count }, (_, at) => of(at));

/** By what they do: the patterns of customers' rules. */
export const RULE_SETS = [
  ["match at every character", list(20, (i) => `[a-z0-9${letter(i)}]`)],
  ["match everywhere", list(20, (i) => ["\\w", ".", "[^a]", "\\S{1,9}", "\\pL|\\d"][i % 5])],
  ["nearly match everywhere", list(20, (i) => `[a-z0-9]{1,${5 + i}}[.]${letter(i)}#`)],
  ["explode", list(20, (i) => `[a-${letter(i + 2)}]*${letter(i)}[a-z]{${10 + (i % 5)}}#`)],
  ["count to a hundred", list(20, (i) => `.{1,100}${letter(i)}#`)],
  ["nest counts", list(20, (i) => `((?:a|b{1,3}){1,10}c{0,${i}}){1,9}#`)],
  ["take any text", list(20, (i) => `.*${letter(i)}.*${letter(25 - i)}`)],
  ["look for two ends", list(20, (i) => `a.*#${i}|b`)],
  ["ignore case", list(20, (i) => `(?i)${letter(i)}+${letter(i * 7)}s`)],
  ["end at words", list(20, (i) => `\\b[a-z]{${(i % 5) + 1}}\\b|\\B\\d\\b`)],
  ["ask for scripts", list(20, (i) => `[\\p{L}]{${i + 1}}\\d|\\p{Han}{2,${i + 2}}#`)],
  ["are a thousand words", [list(1000, word).join("|")]],
  ["are a thousand Chinese words", [list(1000, hanWord).join("|")]],
  ["are 200 words", list(200, word)],
  ["are 200 pairs of words", list(200, () => `(?i)\\b${word()}\\s+${word()}\\b`)],
  [
    "are 200 that look for the end",
    list(200, (i) => `\\S+$${i % 2 ? letter(i) : `{1,${(i % 9) + 1}}`}`),
  ],
  ["are 200 that match everywhere", list(200, (i) => `[a-z0-9][a-z0-9 ]{0,${i % 7}}`)],
  [
    "are 300 that nearly match at ends",
    list(
      300,
      (i) =>
        `${i % 2 ? "(?i)" : "\\b"}${letter(i)}v*?[qz]r${letter(i * 7)}?(?m:$)|\\d{1,9}${word()}`,
    ),
  ],
];
