import { createDlp } from "./dlp.ts";
import { noise, PRINTABLE } from "./noise.ts";

const NOISE = noise(2_000, PRINTABLE);
const HINTS = "secret: AKIAx1 -p x@y.c1~ a.bcdefg.h ";

// What makes detectors ask on: numbers of all kinds and what stands before and behind them, passwords, keys and addresses,
// much of it not quite what is looked for.
const EXAMPLES = `
13800138000|8613800138000|008613800138000|12800138000| +86 138 0013 8000 | (+86) 138 00138000 元| + (13800138000
0912345678|886912345678|8860912345678|00886912345678|008860912345678|8850912345678| +1 (415) 5550199 | 1-800-555-0199
4111111111111111|1111111111111111|4000000000000002|4,1,1,1| 41 up 42 up 43 up 44 up 45 up 46 up 47 up 48
 41 to 11, to 11 to 11 to 11 to 11 to 11 to 11|"41"1"11"11"1"1"1"1"1"1"1|ssn 111111111|123-45-6789|123-00-6789|1.2.3.4|13.80.01.38000
110105194912310011|11010519480229002X|身份证110105491231002|A123456789|A123456788|AC01234567|A12-345.6789|a111111111
Al23456789|llll|4OOO|DE89370400440532013000|1380013.8000| 1 - 2 |1| 9|-|.|,|:|/|+|(|@|'|"|=|_|!|X|}|l|O|A|密|一|①|é|ж|%|{|<|$|𝟙
 tel | card | ssn | order | order no. |id: |手机|身份证|号码| user | pass |密码: |password=|token: | Bearer | ghp_30| sk-
 -p|-p| mysql -pXk39sl2m | --token Xk39sl2m |-----BEGIN|.com| git@a.cn | x@y.com. Thanks | me at b dot com | u:p@h.cn/
-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkq| -----END PRIVATE KEY-----|Ss3Xk9l2mQ9z|hunter|" "secret phrases" |19991231
 Bearer abcdefghij0123456789KLM |sk-aaaaaaaaaaaaaaaaaaaaaaaa|pass=x.y( |密码“Sommer”| passcode: Welcome!| http://u:name@h
 password: "sommer lake" |口令: 'sommer',|secret: aaaaaaaaaaaa |密码: hunter，|pw: sommer | mysql -pargs | http://user:pass@h
`.split("|");

// Texts of the kinds that have code of their own: prose, numbers, numbers behind their names, single digits with
// much between them, numerals, look-alikes, keys and passwords, addresses, wide and invisible characters, and
// what looks like all of these. What is looked for stands at the start and the end of a text, too.
//
// V8 compiles an expression for text like the first that it is asked of, once for characters of one byte and
// once for others, and does not leap over what begins no match where some of these are frequent there. So
// what has none that is, and what nearly is looked for, comes first: a text of one byte, as nothing in it
// stands encoded, and one of two.
const KINDS = [
  `${NOISE.replaceAll("%", "")} ${HINTS}`,
  `${NOISE} ${HINTS} 密`,
  noise(1_200, EXAMPLES),
  EXAMPLES.join(" 。甲。 "),
  "Please send the report to Alice by Friday, thanks. 請在週五之前回覆客戶，謝謝。 The meeting is at 10:30. ",
  "4111 1111 1111 1111, 123-45-6789 then 13800138000; 0912-345-678 and 11010519491231002X 1 2 and 3 / ",
  "ssn 1 2 3 4 5 6 7 8 9, card 4111 1111 1111 1112, tel 0912345678, order 13800138000 ",
  "ssn 1 2 3 4 5 6 7 8 ",
  "13800138000@l13800138000pass`0l手机13800138000 1аA155111~-pа51 mima:// ",
  "1.2.3.4 ",
  "1+3}1,2;3/",
  "4+ 3;81+3>1-2-3-4 5 6 7-8 9\n1\n",
  "1 一3 8 ",
  "壹2参4 一二三四五六七八九①②③ ",
  "O1l0 ",
  "DE89 3704 0044 0532 0130 00 A123456789 DE89370400440532013001 4111111111111112 3f2a9b ",
  "password=Xk39sl2mQ9z password=secret ",
  "ghp_abcdefghijklmnopqrstuvwxyz0123456789 s k - token: 'a' https://a:b12cD3@h/ ",
  "wang@example.com ",
  "wang at example dot com a@b c (at) d.example x@y. git@h:p ",
  "４１１１１１１１１１１１１１１１ ｐａｓｓ：ｗ 4\u200b1\u200b %41%4f &#64;&#x41; 😀 ",
];
const UNITS = 8_000;
const TIMES = 5;
const RULES = [
  { name: "words", pattern: "[a-z]+\\d*|\\bEMP-\\d+", action: "redact" },
  { name: "quoted", pattern: "(?i)<q>.*?</q>|[:：]\\s+\\S+", action: "redact" },
] as const;

let isPrepared = false;

/**
 * Has the code of data-loss prevention compiled, some 400 ms at its first call, so that no
 * message has to wait for it.
 */
export const prepareDlp = (): void => {
  if (isPrepared) return;
  isPrepared = true;
  const dlp = createDlp({ rules: RULES });
  for (let time = 0; time < TIMES; time++) {
    for (const kind of [...KINDS, KINDS.join("")]) {
      const text = kind.repeat(Math.ceil(UNITS / kind.length));
      dlp.redact(text, dlp.inspect(text).entities);
    }
  }
};
