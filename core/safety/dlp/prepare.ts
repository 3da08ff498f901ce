import { createDlp } from "./dlp.ts";
import { noise, PRINTABLE } from "./noise.ts";

const NOISE = noise(2_000, PRINTABLE);
const HINTS = "secret: AKIAx1 -p x@y.c1~ a.bcdefg.h ";

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
const TIMES = 6;
const RULES = [
  { name: "words", pattern: "[a-z]+\\d*|\\bEMP-\\d+", action: "redact" },
  { name: "quoted", pattern: "(?i)<q>.*?</q>|[:：]\\s+\\S+", action: "redact" },
] as const;

let isPrepared = false;

/**
 * Has the code of data-loss prevention compiled, some 350 ms at its first call, so that no
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
