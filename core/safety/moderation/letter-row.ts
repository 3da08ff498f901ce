import { KIND } from "./kinds.ts";

/** The unit that stands for the end of a sentence; no term holds it but for the dot of an abbreviation. */
export const BORDER = 0;

/**
 * What lay between a letter and the one before it, beside what became a unit of its own: `clause` with the
 * full-width mark behind a clause.
 */
export const GAP = { none: 0, skipped: 1, clause: 2 } as const;

/** In `reads`: the unit is as it is, or it is not there, or only to who reads a 1 as an l. */
export const READS = { same: 0, second: 0xfffe, nothing: 0xffff } as const;

/** Who reads: by its letter, or through disguises, with a 1 for an i or for an l. */
export const READING = { plain: 0, asI: 1, asL: 2 } as const;

// As much of the past as the longest word needs, and one more for its boundary.
const KEPT = 300;
/** How far back a word may begin, with what its reading leaves out. */
export const MAX_REACH = 256;

/** A text's letters in a row, of which the older ones are forgotten, with two readings (see `readsAt`). */
export class LetterRow {
  units = new Uint16Array(0);
  /** Offsets in the original text. */
  starts = new Uint32Array(0);
  ends = new Uint32Array(0);
  kinds = new Uint8Array(0);
  gaps = new Uint8Array(0);
  /** 1 for a letter that was written as a Latin capital; of KIND.word only. */
  capitals = new Uint8Array(0);
  /** By unit, up to `lastDisguised`: see `readsAt`. */
  reads = new Uint16Array(0);
  /** The last unit that may read otherwise; -1 for none, so that texts without disguises cost nothing. */
  lastDisguised = -1;
  length = 0;

  /**
   * What a unit is to somebody who reads through disguises: one of READS, or another unit, the digit 1 for
   * what is an i or an l. Who takes a text by its letter reads the units themselves,
   * without those of KIND.sign.
   */
  readsAt(at: number): number {
    return at <= this.lastDisguised ? (this.reads[at] ?? READS.same) : READS.same;
  }

  /**
   * Where the last `count` units before `next` begin in a reading; -1 when that is further back than any
   * word may begin.
   */
  startOf(next: number, count: number, reading: number): number {
    const near = next - count;
    if (near > this.lastDisguised) return near;
    const end = Math.max(0, next - MAX_REACH);
    let left = count;
    for (let at = next - 1; at >= end; at -= 1) {
      if (!this.isLeftOut(at, reading)) left -= 1;
      if (left === 0) return at;
    }
    return count === 0 ? next : -1;
  }

  /** Whether a reading goes without a unit. */
  isLeftOut(at: number, reading: number): boolean {
    if (reading === READING.plain) return this.kinds[at] === KIND.sign;
    const reads = this.readsAt(at);
    return reads === READS.nothing || (reads === READS.second && reading === READING.asI);
  }

  /** Where the stretched letter begins of which only this one is read. */
  startOfStretch(at: number): number {
    let first = at;
    while (
      this.gaps[first] === GAP.none &&
      this.readsAt(first - 1) >= READS.second &&
      this.units[first - 1] === this.units[at]
    )
      first -= 1;
    return first;
  }

  /** Whether a word may begin at a letter: none of the same word stands right before it. */
  isBoundaryBefore(at: number): boolean {
    return at === 0 || this.gaps[at] !== GAP.none || this.kinds[at - 1] !== KIND.word;
  }

  /** Whether a word may end with a letter. */
  isBoundaryAfter(at: number): boolean {
    const next = at + 1;
    return next >= this.length || this.gaps[next] !== GAP.none || this.kinds[next] !== KIND.word;
  }

  /** Whether a clause that ends before a letter goes on behind it: `我要走，私下再说`. */
  mayEndClause(last: number): boolean {
    const next = last + 1;
    const goesOn = next < this.length && this.gaps[next] === GAP.none;
    return goesOn && this.kinds[last] === KIND.letter && this.kinds[next] === KIND.letter;
  }

  /** The unit that follows with nothing skipped before it; BORDER for none. */
  unitAfter(at: number): number {
    const next = at + 1;
    return next < this.length && this.gaps[next] === GAP.none
      ? (this.units[next] ?? BORDER)
      : BORDER;
  }

  /** Forgets old units once there are many; the number forgotten. */
  trim(): number {
    const dropped = this.length - KEPT;
    if (dropped < 2 * KEPT) return 0;
    for (const column of this.#columns) column.copyWithin(0, dropped, this.length);
    this.length = KEPT;
    this.lastDisguised = Math.max(-1, this.lastDisguised - dropped);
    return dropped;
  }

  /** Forgets all units. */
  clear(): void {
    this.length = 0;
    this.lastDisguised = -1;
  }

  protected append(unit: number, kind: number, gap: number, start: number, end: number): void {
    const at = this.length;
    this.units[at] = unit;
    this.kinds[at] = kind;
    this.gaps[at] = gap;
    this.starts[at] = start;
    this.ends[at] = end;
    this.length = at + 1;
  }

  /** Says how a unit, or the last one, reads for somebody who reads through disguises. */
  protected disguise(reads: number, at = this.length - 1): void {
    if (this.reads.length < this.units.length) {
      this.reads = grown(this.reads, new Uint16Array(this.units.length));
    }
    while (this.lastDisguised < at) {
      this.lastDisguised += 1;
      this.reads[this.lastDisguised] = READS.same;
    }
    this.reads[at] = reads;
  }

  /** Takes away the unit before the last one. */
  protected dropBeforeLast(): void {
    const last = this.length - 1;
    // Done for every letter of a text that is spelled, so without a call for each column.
    this.units[last - 1] = this.units[last] ?? 0;
    this.starts[last - 1] = this.starts[last] ?? 0;
    this.ends[last - 1] = this.ends[last] ?? 0;
    this.kinds[last - 1] = this.kinds[last] ?? 0;
    this.capitals[last - 1] = this.capitals[last] ?? 0;
    if (this.lastDisguised === last) this.reads[last - 1] = this.reads[last] ?? READS.same;
    this.gaps[last - 1] = GAP.skipped;
    this.length = last;
    const isDisguised = this.lastDisguised === last;
    this.lastDisguised = isDisguised ? last - 1 : Math.min(this.lastDisguised, last - 2);
  }

  protected reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.units.length) return;
    const size = Math.max(needed, this.units.length * 2);
    this.units = grown(this.units, new Uint16Array(size));
    this.starts = grown(this.starts, new Uint32Array(size));
    this.ends = grown(this.ends, new Uint32Array(size));
    this.kinds = grown(this.kinds, new Uint8Array(size));
    this.gaps = grown(this.gaps, new Uint8Array(size));
    this.capitals = grown(this.capitals, new Uint8Array(size));
  }

  get #columns() {
    return [
      this.units,
      this.starts,
      this.ends,
      this.kinds,
      this.gaps,
      this.capitals,
      this.reads,
    ] as const;
  }
}

const grown = <T extends Uint8Array | Uint16Array | Uint32Array>(from: T, into: T): T => {
  into.set(from);
  return into;
};
