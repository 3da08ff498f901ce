/**
 * A set of ordered pairs of 32-bit numbers that also claims to have a few it has not (Bloom, 1970,
 * https://doi.org/10.1145/362686.362692).
 */
export class PairFilter {
  readonly #bits: Uint32Array;
  readonly #mask: number;

  /** With `count` pairs at most one in eight of all others is claimed. */
  constructor(count: number) {
    let size = 1024;
    while (size < count * 8) size *= 2;
    this.#bits = new Uint32Array(size / 32);
    this.#mask = size - 1;
  }

  add(one: number, other: number): void {
    const bit = hash(one, other) & this.#mask;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  mayHave(one: number, other: number): boolean {
    const bit = hash(one, other) & this.#mask;
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

const hash = (one: number, other: number): number => {
  const mixed = Math.imul(one + 1, 0x9e3779b1) ^ Math.imul(other + 1, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
};
