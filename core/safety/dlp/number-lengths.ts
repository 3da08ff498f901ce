const PROVINCE = /^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])/;

/** How long a number other than a card is whose first four digits look like this. */
const KINDS: readonly (readonly [head: RegExp, lengths: readonly number[]])[] = [
  [/^(?!000|666|9)/, [9]], // US social security, whose other areas are never given
  [PROVINCE, [15, 17, 18]], // resident of China: before 1999, without its check character X, with it
  [/^1[3-9]/, [11]], // mobile of China, then with the country's number
  [/^861[3-9]/, [13]],
  [/^0086/, [15]],
  [/^09/, [10]], // mobile of Taiwan, the same
  [/^8869/, [12]],
  [/^8860/, [13]],
  [/^0088/, [14, 15]],
];

const PROVINCES = Uint8Array.from({ length: 100 }, (_, head) =>
  PROVINCE.test(String(head)) ? 1 : 0,
);

/** Whether the number of a Chinese province starts with these two digits. */
export const hasProvince = (head: number): boolean => PROVINCES[head] === 1;

const HEADS = 10_000;

/** By the first four digits: a bit for each length. */
const LENGTHS = (() => {
  const bits = new Uint32Array(HEADS);
  for (let head = 0; head < HEADS; head++) {
    const digits = String(head).padStart(4, "0");
    const lengths = KINDS.flatMap(([form, own]) => (form.test(digits) ? own : []));
    bits[head] = lengths.reduce((sum, length) => sum | (1 << length), 0);
  }
  return bits;
})();

/** How many digits a number other than a card may have with this head: a bit for each length. */
export const otherLengths = (head: number): number => LENGTHS[head] ?? 0;
