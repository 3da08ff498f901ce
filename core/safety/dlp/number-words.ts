import { compileWords, type WordsBefore, wordsBefore, wordsUpTo } from "./words-before.ts";

/** The words that tell what a number is, for a text. */
export interface NumberWords {
  readonly socialSecurity: WordsBefore;
  readonly resident: WordsBefore;
  readonly card: WordsBefore;
  readonly phone: WordsBefore;
  /** A thing, with the word for its number or without, and with it only. */
  readonly thing: WordsBefore;
  readonly thingsNumber: WordsBefore;
}

/** @param text folded */
export const createNumberWords = (text: string): NumberWords => ({
  socialSecurity: wordsBefore(SSN_WORDS, text),
  resident: wordsBefore(RESIDENT_WORDS, text),
  card: wordsBefore(CARD_WORDS, text),
  phone: wordsBefore(PHONE_WORDS, text),
  thing: wordsUpTo(OF_A_THING, text),
  thingsNumber: wordsUpTo(NAMED_OTHERWISE, text),
});

const SSN_WORDS = compileWords(/社[會会]安全|社安/, /ssn|social|social security/);

const RESIDENT_WORDS = compileWords(
  /身[份分][证證]|[证證]件|公民身份|居民/,
  /resident id|id card|national id/,
);

const CARD_WORDS = compileWords(
  /信用卡|卡[号號]|刷卡|[银銀][行联聯]卡|[银銀][联聯]|付款卡|[储儲]蓄卡|借[记記]卡/,
  /card|visa|master|amex|american express|jcb|unionpay|discover|diners|\bcc\b|\bpan\b|payment/,
);

const PHONE_WORDS = compileWords(
  /手[机機]|[电電][话話]|[联聯][系絡络繫]|行[动動]|[打撥拨][:\s]{0,2}$|打[給给]|[致來来回][电電]|[号號][码碼]|微信/,
  /phone|mobile|\bcell|\bcall(?:ing|ed)?\b|tel\b|tel[:.]|contact|whatsapp|sms|text me|reach me/,
);
// Things that have numbers, and the words for those numbers.
const THING =
  "[订訂][单單]|[运運][单單]|工[单單]|快[递遞]|流水|追[踪蹤]|序列|[发發]票|[时時][间間]戳|[版批][本次]?|合同|商品|[产產]品|物料|会[议議]|(?<![a-z])(?:order|invoice|tracking|ticket|serial|timestamp|isbn|imei|sku|case|ref|reference|build|batch|version|transaction|product|item|part|meeting|zoom)s?";
const THINGS_NUMBER = `(?:${THING})(?:[\\s_?-]?(?:number|num|no\\.?|id|code)|[号號][码碼]?|[编編][号號码碼])|[单單编編学學考案票序批货貨设設备備][号號][码碼]?|[条條编編][码碼]|(?<![a-z])s\\/?n|"id"|[?&]id`;
// Up to the number, which may be the second or third of a list.
const UP_TO = "(?:[是为為]|\\s(?:is|was))?[\\s:#=(\"'/]{0,4}(?:\\d{1,20}、\\s?){0,2}";
const NAMED_OTHERWISE = new RegExp(`(?<=(?:${THINGS_NUMBER})${UP_TO})`, "iy");
const OF_A_THING = new RegExp(`(?<=(?:${THINGS_NUMBER}|${THING}|[编編][号號])${UP_TO})`, "iy");
