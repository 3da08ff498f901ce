/**
 * Ids by index, in one text: as 100,000 strings of their own they would be a third of the objects that
 * every full collection has to look at.
 */
export class IdList {
  readonly #text: string;
  readonly #ends: Uint32Array;

  constructor(ids: readonly string[]) {
    this.#text = ids.join("");
    let end = 0;
    this.#ends = Uint32Array.from(ids, (id) => {
      end += id.length;
      return end;
    });
  }

  /** The id at an index; "" where there is none. */
  at(index: number): string {
    const start = index === 0 ? 0 : (this.#ends[index - 1] ?? 0);
    return this.#text.slice(start, this.#ends[index] ?? start);
  }

  *[Symbol.iterator](): Generator<string> {
    for (let index = 0; index < this.#ends.length; index += 1) yield this.at(index);
  }
}
