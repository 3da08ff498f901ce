import { ASSERT, foldsCase, OP, type Program, takesRune } from "./program.ts";

/** What stood before: the start of the text, a line break, a word character or another one. */
type Kind = 0 | 1 | 2 | 3;
const START: Kind = 0;

interface State {
  /** Steps reached by the last character, the preferred first. */
  readonly pcs: readonly number[];
  readonly kind: Kind;
  /** By class of the next character; built when first needed. */
  readonly edges: (Edge | undefined)[];
}

interface Edge {
  readonly to: State;
  /** A match ends before the character. */
  readonly isMatch: boolean;
}

const MAX_STATES = 2000;
const MAX_LATIN = 0x80;
const MAX_RUNE = 0x10_ffff;

/**
 * A deterministic automaton over a compiled pattern, built while it runs: a character costs one
 * look-up. `anchored` follows matches that start where it starts, in the order in which Perl would
 * try them; `unanchored` every match that starts anywhere behind.
 */
export class Automaton {
  readonly #program: Program;
  readonly #isAnchored: boolean;
  readonly #bounds: readonly number[];
  readonly #latin: Uint16Array;
  readonly #states = new Map<string, State>();
  readonly #starts: (State | undefined)[] = [];

  constructor(program: Program, mode: "anchored" | "unanchored") {
    this.#program = program;
    this.#isAnchored = mode === "anchored";
    this.#bounds = boundsOf(program);
    this.#latin = Uint16Array.from({ length: MAX_LATIN }, (_, rune) => this.#search(rune));
  }

  /** The state before the character at an offset. */
  stateAt(text: string, offset: number): State {
    const kind = offset === 0 ? START : kindOf(runeBefore(text, offset));
    const known = this.#starts[kind];
    if (known) return known;
    const state = this.#state(this.#isAnchored ? [this.#program.start] : [], kind);
    this.#starts[kind] = state;
    return state;
  }

  /** What the character does to the state; undefined = the text ends here. */
  step(state: State, rune: number | undefined): Edge {
    const cls = rune === undefined ? this.#bounds.length + 1 : this.#classOf(rune);
    const known = state.edges[cls];
    if (known) return known;
    const edge = this.#build(state, rune);
    state.edges[cls] = edge;
    return edge;
  }

  #build(state: State, rune: number | undefined): Edge {
    const holds = assertionsAt(state.kind, rune);
    const seen = new Set<number>();
    const next: number[] = [];
    let isMatch = false;
    const open = [...state.pcs].reverse();
    if (!this.#isAnchored) open.unshift(this.#program.start);
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      const step = this.#program.steps[pc];
      if (!step || seen.has(pc)) continue;
      seen.add(pc);
      if (step.op === OP.match) {
        isMatch = true;
        // What comes later in the order would lose against this match.
        if (this.#isAnchored) break;
      } else if (takesRune(step)) {
        if (rune !== undefined && step.matchRune(rune)) next.push(step.out);
      } else if (step.op === OP.alt || step.op === OP.altMatch) open.push(step.arg, step.out);
      else if (step.op === OP.capture || step.op === OP.nop) open.push(step.out);
      else if (step.op === OP.assert && (step.arg & ~holds) === 0) open.push(step.out);
    }
    const kind = rune === undefined ? START : kindOf(rune);
    return { to: this.#state([...new Set(next)], kind), isMatch };
  }

  #state(pcs: readonly number[], kind: Kind): State {
    const key = `${kind}:${pcs.join()}`;
    const known = this.#states.get(key);
    if (known) return known;
    if (this.#states.size >= MAX_STATES) this.#states.clear();
    const state = { pcs, kind, edges: new Array<undefined>(this.#bounds.length + 2) };
    this.#states.set(key, state);
    return state;
  }

  #classOf(rune: number): number {
    return rune < MAX_LATIN ? (this.#latin[rune] ?? 0) : this.#search(rune);
  }

  #search(rune: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#bounds[middle] ?? 0) <= rune) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first characters of the classes that a pattern tells apart, in order. */
const boundsOf = ({ steps }: Program): readonly number[] => {
  const bounds = new Set<number>();
  const add = (first: number, last: number): void => {
    bounds.add(first);
    if (last < MAX_RUNE) bounds.add(last + 1);
  };
  for (const [first, last] of [
    [10, 10],
    [48, 57],
    [65, 90],
    [95, 95],
    [97, 122],
  ] as const) {
    add(first, last);
  }
  for (const step of steps) {
    if (step.op !== OP.rune && step.op !== OP.rune1) continue;
    const only = step.runes[0];
    if (step.runes.length === 1 && only !== undefined) {
      for (const rune of foldsCase(step) ? casesOf(only) : [only]) add(rune, rune);
      continue;
    }
    for (let i = 0; i + 1 < step.runes.length; i += 2)
      add(step.runes[i] ?? 0, step.runes[i + 1] ?? 0);
  }
  bounds.delete(0);
  return [...bounds].sort((a, b) => a - b);
};

// Characters that case folding makes equal to others of another block, or in threes.
const ODD_CASES = "ſKÅẞςΣσϐβΒϑθΘϴϕφΦϖπΠϰκΚϱρΡϵεΕιͅΙιµμΜẛṡṠǄǅǆǇǈǉǊǋǌǱǲǳΩωΩᲀвВᲁдДᲂоОᲃсСᲄᲅтТᲆъЪᲇѣѢᲈꙋꙊ";

/** Every character that equals this one when case is ignored. */
export const casesOf = (rune: number): ReadonlySet<number> => {
  const char = String.fromCodePoint(rune);
  const same = new RegExp(`^${char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&")}$`, "iu");
  const forms = [char, char.toLowerCase(), char.toUpperCase(), ...ODD_CASES];
  return new Set(
    forms
      .filter((form) => form.length > 0 && same.test(form))
      .map((form) => form.codePointAt(0) ?? rune),
  );
};

const isWord = (rune: number): boolean =>
  (rune >= 97 && rune <= 122) ||
  (rune >= 48 && rune <= 57) ||
  (rune >= 65 && rune <= 90) ||
  rune === 95;

const kindOf = (rune: number): Kind => (rune === 10 ? 1 : isWord(rune) ? 2 : 3);

const runeBefore = (text: string, offset: number): number => {
  const unit = text.charCodeAt(offset - 1);
  const isLow = (unit & 0xfc00) === 0xdc00;
  return isLow && offset > 1 ? (text.codePointAt(offset - 2) ?? unit) : unit;
};

const assertionsAt = (kind: Kind, rune: number | undefined): number => {
  const isBoundary = (kind === 2) !== (rune !== undefined && isWord(rune));
  return (
    (kind === START ? ASSERT.beginText | ASSERT.beginLine : 0) |
    (kind === 1 ? ASSERT.beginLine : 0) |
    (rune === undefined ? ASSERT.endText | ASSERT.endLine : 0) |
    (rune === 10 ? ASSERT.endLine : 0) |
    (isBoundary ? ASSERT.wordBoundary : ASSERT.noWordBoundary)
  );
};
