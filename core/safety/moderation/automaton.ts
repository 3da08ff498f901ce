/** Words over UTF-16 units: word `i` is `units[ends[i - 1] .. ends[i])`, `ends[-1]` being 0. */
export interface Words {
  readonly units: Uint16Array;
  readonly ends: Uint32Array;
}

const ROOT = 0;
const NONE = -1;

/**
 * Finds all of many words in one pass over a text, in time that does not depend on their number
 * (Aho and Corasick, 1975, https://doi.org/10.1145/360825.360855).
 *
 * State 0 is the start; states are numbered level by level, so a state's failure state is always
 * smaller. Edges lie in one hash table: some 30 bytes a state, built without an object per state.
 */
export class Automaton {
  /** By unit: the state after it from the start. */
  readonly #fromRoot = new Int32Array(0x10000);
  // Small, so that it grows for a few words too: what was never replaced V8 takes for constant, and at
  // the first replacement it throws away all compiled code that reads it.
  #edges = new Int32Array(16);
  #parent = new Int32Array(512);
  #unit = new Uint16Array(512);
  #states = 1;
  /** States below this are one unit deep. */
  #secondLevel = 1;
  /** Bits: may this state one unit deep go on with this unit? Small enough to stay in the cache. */
  #mayGoOn = new Uint32Array(32);
  #fail = new Int32Array(0);
  #depth = new Uint8Array(0);
  /** By state: itself or the nearest suffix of it that is a word, 0 for none. */
  #emit = new Int32Array(0);
  /** By state: the first word that ends there; by word: the next one. */
  #firstWord = new Int32Array(0);
  readonly #nextWord: Int32Array;

  /** Words are at most 255 units long and not empty. */
  constructor({ units, ends }: Words) {
    const cursors = new Int32Array(ends.length);
    this.#nextWord = new Int32Array(ends.length).fill(NONE);
    let left = ends.length;
    for (let depth = 0; left > 0; depth += 1) {
      left = 0;
      for (let word = 0; word < ends.length; word += 1) {
        const at = (word === 0 ? 0 : (ends[word - 1] ?? 0)) + depth;
        if (at >= (ends[word] ?? 0)) continue;
        cursors[word] = this.#goOrGrow(cursors[word] ?? 0, units[at] ?? 0);
        left += 1;
      }
      if (depth === 0) this.#secondLevel = this.#states;
    }
    this.#link();
    this.#firstWord = new Int32Array(this.#states).fill(NONE);
    for (let word = ends.length - 1; word >= 0; word -= 1) {
      const state = cursors[word] ?? 0;
      this.#nextWord[word] = this.#firstWord[state] ?? NONE;
      this.#firstWord[state] = word;
    }
    this.#emit = new Int32Array(this.#states);
    for (let state = 1; state < this.#states; state += 1) {
      const own = (this.#firstWord[state] ?? NONE) !== NONE;
      this.#emit[state] = own ? state : (this.#emit[this.#fail[state] ?? 0] ?? 0);
    }
  }

  /** The state after `unit`. */
  step(from: number, unit: number): number {
    let state = from;
    while (state !== ROOT) {
      if (state < this.#secondLevel && !this.#isMarked(state, unit)) break;
      const next = this.#find(state, unit);
      if (next !== NONE) return next;
      state = this.#fail[state] ?? 0;
    }
    return this.#fromRoot[unit] ?? 0;
  }

  /** The longest shorter suffix that a word begins with; 0 for none. */
  suffixOf(state: number): number {
    return this.#fail[state] ?? 0;
  }

  /** How many units of the text before it a state remembers. */
  depthOf(state: number): number {
    return this.#depth[state] ?? 0;
  }

  /** The state itself or the nearest suffix of it at which words end; 0 for none. */
  emitting(state: number): number {
    return this.#emit[state] ?? 0;
  }

  /** The next shorter suffix at which words end; 0 for none. */
  shorter(state: number): number {
    return this.#emit[this.#fail[state] ?? 0] ?? 0;
  }

  /** The first word that ends at an emitting state, -1 for none. */
  firstWord(state: number): number {
    return this.#firstWord[state] ?? NONE;
  }

  /** The next word that ends where `word` does, -1 for none. */
  nextWord(word: number): number {
    return this.#nextWord[word] ?? NONE;
  }

  #goOrGrow(state: number, unit: number): number {
    if (state === ROOT) {
      const next = this.#fromRoot[unit] ?? 0;
      if (next !== 0) return next;
      const grown = this.#addState(state, unit);
      this.#fromRoot[unit] = grown;
      return grown;
    }
    const found = this.#find(state, unit);
    if (found !== NONE) return found;
    const grown = this.#addState(state, unit);
    if (this.#states * 2 > this.#edges.length) this.#rehash();
    else this.#put(grown);
    return grown;
  }

  #addState(parent: number, unit: number): number {
    const state = this.#states;
    if (state === this.#parent.length) {
      this.#parent = resized(this.#parent, new Int32Array(state * 2));
      this.#unit = resized(this.#unit, new Uint16Array(state * 2));
    }
    this.#parent[state] = parent;
    this.#unit[state] = unit;
    this.#states += 1;
    return state;
  }

  #find(state: number, unit: number): number {
    const mask = this.#edges.length - 1;
    for (let slot = hash(state, unit) & mask; ; slot = (slot + 1) & mask) {
      const next = this.#edges[slot] ?? 0;
      if (next === 0) return NONE;
      if (this.#parent[next] === state && this.#unit[next] === unit) return next;
    }
  }

  #put(state: number): void {
    const mask = this.#edges.length - 1;
    let slot = hash(this.#parent[state] ?? 0, this.#unit[state] ?? 0) & mask;
    while (this.#edges[slot] !== 0) slot = (slot + 1) & mask;
    this.#edges[slot] = state;
  }

  #rehash(): void {
    this.#edges = new Int32Array(this.#edges.length * 2);
    for (let state = 1; state < this.#states; state += 1) {
      if (this.#parent[state] !== ROOT) this.#put(state);
    }
  }

  #link(): void {
    this.#parent = this.#parent.slice(0, this.#states);
    this.#unit = this.#unit.slice(0, this.#states);
    this.#fail = new Int32Array(this.#states);
    this.#depth = new Uint8Array(this.#states);
    let second = 0;
    for (let state = 1; state < this.#states; state += 1) {
      const parent = this.#parent[state] ?? 0;
      this.#depth[state] = (this.#depth[parent] ?? 0) + 1;
      if (this.#depth[state] === 2) second += 1;
    }
    let bits = 1024;
    while (bits < second * 8) bits *= 2;
    this.#mayGoOn = new Uint32Array(bits / 32);
    for (let state = 1; state < this.#states; state += 1) {
      const parent = this.#parent[state] ?? 0;
      if (parent === ROOT) continue;
      const unit = this.#unit[state] ?? 0;
      if (parent < this.#secondLevel) this.#mark(parent, unit);
      this.#fail[state] = this.step(this.#fail[parent] ?? 0, unit);
    }
  }

  #mark(state: number, unit: number): void {
    const bit = hash(state, unit) & (this.#mayGoOn.length * 32 - 1);
    this.#mayGoOn[bit >>> 5] = (this.#mayGoOn[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  #isMarked(state: number, unit: number): boolean {
    const bit = hash(state, unit) & (this.#mayGoOn.length * 32 - 1);
    return ((this.#mayGoOn[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

const hash = (state: number, unit: number): number => {
  const mixed = Math.imul(state, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
};

const resized = <T extends Int32Array | Uint16Array>(from: T, into: T): T => {
  into.set(from);
  return into;
};
