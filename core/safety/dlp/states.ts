import type { Kind } from "./machine.ts";

/** Numbers of steps: a part of a list of them. */
export interface Steps {
  readonly list: Int32Array;
  readonly from: number;
  readonly to: number;
}

// What stands in the list in front of a state's steps. `MATCHED`: bits of the patterns of which a match
// ended before the last character, `KIND`: what that character was.
const HASH = 0;
const MATCHED = 1;
const KIND = 2;
const HEAD = 3;

/**
 * The states of an automaton by number, each once. They stand in one list, without objects of their
 * own: a text that comes by none of those that are known has thousands of them built at once.
 */
export class States {
  /** State 0 is nobody's: no steps lead there. */
  count = 1;
  #list = new Int32Array(32);
  /** By state: where it starts in the list; it ends where the next one starts. */
  #starts = Int32Array.of(0, HEAD, 0, 0);
  /** Each state at the place that its hash tells or the first free one behind it; 0 is free. */
  #slots = new Int32Array(8);

  kindOf(state: number): Kind {
    return this.#list[(this.#starts[state] ?? 0) + KIND] as Kind;
  }

  stepsOf(state: number): Steps {
    const from = (this.#starts[state] ?? 0) + HEAD;
    return { list: this.#list, from, to: this.#starts[state + 1] ?? from };
  }

  /** The state of these steps; one that is new gets the next number. */
  numberOf(steps: Steps, matched: number, kind: Kind): number {
    const hash = hashOf(steps, Math.imul(matched, 31) + kind);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const state = this.#slots[slot] ?? 0;
      if (state === 0) break;
      const at = this.#starts[state] ?? 0;
      const isSame =
        this.#list[at + HASH] === hash &&
        this.#list[at + MATCHED] === matched &&
        this.#list[at + KIND] === kind &&
        this.#hasSteps(state, steps);
      if (isSame) return state;
    }
    this.#slots[slot] = this.count;
    return this.#add(steps, [hash, matched, kind]);
  }

  #hasSteps(state: number, { list, from, to }: Steps): boolean {
    const start = (this.#starts[state] ?? 0) + HEAD;
    if ((this.#starts[state + 1] ?? 0) - start !== to - from) return false;
    for (let at = from; at < to; at++) {
      if (this.#list[start + at - from] !== list[at]) return false;
    }
    return true;
  }

  #add({ list, from, to }: Steps, head: readonly number[]): number {
    const state = this.count++;
    const start = this.#starts[state] ?? 0;
    const end = start + HEAD + to - from;
    if (end > this.#list.length) this.#list = grown(this.#list, end * 2);
    if (this.count >= this.#starts.length) this.#starts = grown(this.#starts, this.count * 2);
    this.#list.set(head, start);
    for (let at = from; at < to; at++) this.#list[start + HEAD + at - from] = list[at] ?? 0;
    this.#starts[this.count] = end;
    if (this.count * 2 > this.#slots.length) this.#spread();
    return state;
  }

  /** Gives the states twice as many places. */
  #spread(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let state = 1; state < this.count; state++) {
      let slot = (this.#list[this.#starts[state] ?? 0] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = state;
    }
    this.#slots = slots;
  }
}

const hashOf = ({ list, from, to }: Steps, seed: number): number => {
  let hash = seed | 0;
  for (let at = from; at < to; at++) {
    hash = Math.imul(hash ^ (list[at] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
};

const grown = (from: Int32Array, length: number) => {
  const into = new Int32Array(length);
  into.set(from);
  return into;
};
