// The texts of the policy benchmark: the same in every run.

let seed = 7;
/** A number from 0 to below the limit. */
export const below = (limit) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % limit;
};
/** So many characters, each made anew. */
export const letters = (length, make) => Array.from({ length }, make).join("");
/** Ordinary words in two languages, without a hit. */
export const SENTENCES =
  "请把第三季度的销售报告整理一下，发给市场部的同事。Please summarise the quarterly report and " +
  "send it to Alice by Friday, thanks. 我們需要確認預算是否足夠，並在週五之前回覆客戶。 The meeting is at 10:30. ";

/** Whole characters of `text`, over and over, in at most `bytes` of UTF-8. */
export const fill = (text, bytes) => {
  const whole = Math.floor(bytes / Buffer.byteLength(text));
  let rest = bytes - whole * Buffer.byteLength(text);
  let out = text.repeat(whole);
  for (const char of text) {
    rest -= Buffer.byteLength(char);
    if (rest < 0) break;
    out += char;
  }
  return out;
};
