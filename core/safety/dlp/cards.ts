// First four digits, from and up to, and lengths of the brands: Visa, Mastercard, American Express,
// Discover, Diners Club, JCB, UnionPay, Mir, Maestro.
// https://en.wikipedia.org/wiki/Payment_card_number
const BRANDS: readonly (readonly [first: number, last: number, lengths: readonly number[]])[] = [
  [4000, 4999, [13, 16, 19]],
  [5100, 5599, [16]],
  [2221, 2720, [16]],
  [3400, 3499, [15]],
  [3700, 3799, [15]],
  [6011, 6011, [16, 17, 18, 19]],
  [6440, 6599, [16, 17, 18, 19]],
  [3000, 3059, [14, 16, 19]],
  [3095, 3095, [14, 16, 19]],
  [3600, 3699, [14, 16, 19]],
  [3800, 3999, [14, 16, 19]],
  [3528, 3589, [16, 17, 18, 19]],
  [6200, 6299, [16, 17, 18, 19]],
  [8100, 8199, [16, 17, 18, 19]],
  [2200, 2204, [16, 17, 18, 19]],
  [5018, 5018, [12, 13, 14, 15, 16, 17, 18, 19]],
  [5020, 5020, [12, 13, 14, 15, 16, 17, 18, 19]],
  [5038, 5038, [12, 13, 14, 15, 16, 17, 18, 19]],
  [5893, 5893, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6304, 6304, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6759, 6759, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6761, 6763, [12, 13, 14, 15, 16, 17, 18, 19]],
];

/** By the first four digits: a bit for each length that a card may have. */
const LENGTHS = (() => {
  const bits = new Uint32Array(10_000);
  for (const [first, last, lengths] of BRANDS) {
    for (let head = first; head <= last; head++) {
      for (const length of lengths) bits[head] = (bits[head] ?? 0) | (1 << length);
    }
  }
  return bits;
})();

/** How many digits a card with this head may have: a bit for each length. */
export const cardLengths = (head: number): number => LENGTHS[head] ?? 0;
