import type { Detector } from "../../../config/detectors.ts";

/** One thing found: [start, end) in UTF-16 units of the text that was searched. */
export interface Finding {
  /** A detector's name, or a customer rule's. */
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** A finding of a built-in detector. */
export interface Detected extends Finding {
  readonly type: Detector;
}
