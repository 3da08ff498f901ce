/**
 * What looking at a text may still cost, in steps of an automaton: some two nanoseconds each. What is
 * charged depends on the text and the patterns only, not on what was looked at before.
 */
export interface Meter {
  /** A whole number. Below zero: it is spent, and what is not known by now stays unknown. */
  left: number;
}
