import { Automaton } from "./automaton.ts";
import type { Program } from "./program.ts";

/** A pattern ready to search with, in linear time. */
export interface Pattern {
  /**
   * Searches from an offset; what stands before it counts for `\b` and `^` only. Puts the start and
   * the end of each match behind `found`, in order, none empty, and returns the offset before which
   * a match starts as it does whatever text follows.
   */
  search(text: string, from: number, found: number[]): number;
}

// Steps that finding the exact starts and ends may cost, beside the one pass that finds whether and
// about where a pattern matches.
const STEPS_PER_UNIT = 4;
const STEPS_FREE = 10_000;

/**
 * Makes a pattern searchable. Matches are Perl's: the leftmost, then the preferred one. Some
 * patterns need more than linear time to find all of these in some texts (RE2's too, for `a.*z|b`
 * in `abababab`): there, what is left of the text counts as one match once a budget is spent.
 */
export const createPattern = (program: Program): Pattern => {
  const anywhere = new Automaton(program, "unanchored");
  const here = new Automaton(program, "anchored");

  /** The end of the match that starts at an offset, and how far that had to be looked at. */
  const endOf = (text: string, start: number) => {
    let state = here.stateAt(text, start);
    let end = -1;
    for (let at = start; ; ) {
      const rune = text.codePointAt(at);
      const edge = here.step(state, rune);
      if (edge.isMatch) end = at;
      if (rune === undefined) return { end, looked: at - start, isOpen: true };
      state = edge.to;
      at += rune > 0xffff ? 2 : 1;
      if (state.pcs.length === 0) return { end, looked: at - start, isOpen: false };
    }
  };

  return {
    search(text, from, found) {
      let budget = STEPS_FREE + STEPS_PER_UNIT * (text.length - from);
      let settled = text.length;
      let state = anywhere.stateAt(text, from);
      let idle = from;
      let tried = from;
      for (let at = from; ; ) {
        if (state.pcs.length === 0) idle = at;
        const rune = text.codePointAt(at);
        const edge = anywhere.step(state, rune);
        let next: number | undefined;
        if (edge.isMatch) {
          for (tried = Math.max(tried, idle); tried <= at; tried++) {
            const { end, looked, isOpen } = endOf(text, tried);
            budget -= looked + 1;
            if (isOpen && looked > 0) settled = Math.min(settled, tried);
            if (budget < 0) {
              found.push(tried, text.length);
              return Math.min(settled, tried);
            }
            if (end <= tried) continue;
            found.push(tried, end);
            next = end;
            break;
          }
        }
        if (next !== undefined) {
          at = next;
          tried = next;
          idle = next;
          state = anywhere.stateAt(text, at);
          continue;
        }
        if (rune === undefined) return Math.min(settled, idle);
        state = edge.to;
        at += rune > 0xffff ? 2 : 1;
      }
    },
  };
};
