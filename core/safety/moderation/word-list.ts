import { Automaton } from "./automaton.ts";

/** Collects the words of terms, which are known by their index, without an object for each. */
export class WordList {
  #units = new Uint16Array(4096);
  #length = 0;
  readonly #ends: number[] = [];
  readonly #terms: number[] = [];

  add(word: string, term: number): void {
    if (this.#length + word.length > this.#units.length) {
      const grown = new Uint16Array(this.#units.length * 2);
      grown.set(this.#units);
      this.#units = grown;
    }
    for (let at = 0; at < word.length; at += 1)
      this.#units[this.#length + at] = word.charCodeAt(at);
    this.#length += word.length;
    this.#ends.push(this.#length);
    this.#terms.push(term);
  }

  /** What finds the words; `termOfWord` has the term of each by its index. */
  build(): { readonly words: Automaton; readonly termOfWord: Uint32Array } {
    const words = new Automaton({ units: this.#units, ends: Uint32Array.from(this.#ends) });
    return { words, termOfWord: Uint32Array.from(this.#terms) };
  }
}
