// For each entry its key, the entry and how many steps were looked at for it.
const SIZE = 3;
const ENTRY = 1;
const VISITS = 2;

/**
 * Entries of an automaton's table by key, which is never 0, in one list without objects of their own. They are
 * written to where they are read: a place holds until the next key is asked for.
 */
export class SparseEntries {
  #count = 0;
  #list = new Int32Array(8 * SIZE);

  /** How many numbers it holds. */
  get size(): number {
    return this.#list.length;
  }

  /** Place of a key; a new one's entry is 0. */
  placeOf(key: number): number {
    const place = this.#find(key);
    if (this.#list[place] === key) return place;
    this.#count++;
    this.#list[place] = key;
    if (this.#count * 2 < this.#list.length / SIZE) return place;
    this.#spread();
    return this.#find(key);
  }

  entryAt(place: number): number {
    return this.#list[place + ENTRY] ?? 0;
  }

  visitsAt(place: number): number {
    return this.#list[place + VISITS] ?? 0;
  }

  set(place: number, entry: number, visits: number): void {
    this.#list[place + ENTRY] = entry;
    this.#list[place + VISITS] = visits;
  }

  /** Leaves these bits of all entries. */
  mask(bits: number): void {
    for (let at = ENTRY; at < this.#list.length; at += SIZE) {
      this.#list[at] = (this.#list[at] ?? 0) & bits;
    }
  }

  /** Where a key stands, or the free place where it would. */
  #find(key: number): number {
    const mask = this.#list.length / SIZE - 1;
    const mixed = Math.imul(key, 0x9e3779b1);
    let slot = (mixed ^ (mixed >>> 15)) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const own = this.#list[slot * SIZE];
      if (own === key || own === 0) return slot * SIZE;
    }
  }

  /** Gives the entries twice as many places. */
  #spread(): void {
    const from = this.#list;
    this.#list = new Int32Array(from.length * 2);
    for (let at = 0; at < from.length; at += SIZE) {
      const key = from[at] ?? 0;
      if (key === 0) continue;
      const place = this.#find(key);
      this.#list[place] = key;
      this.set(place, from[at + ENTRY] ?? 0, from[at + VISITS] ?? 0);
    }
  }
}
