/** The built-in detectors, in the order in which they win a tie. */
export const DETECTORS = [
  "secret",
  "credit_card",
  "cn_resident_id",
  "us_ssn",
  "tw_id",
  "iban",
  "cn_mobile",
  "tw_mobile",
  "email",
] as const;
export type Detector = (typeof DETECTORS)[number];

/** One thing found: [start, end) in UTF-16 units of the text that was searched. */
export interface Finding {
  /** A detector's name, or a customer rule's. */
  readonly type: string;
  readonly start: number;
  readonly end: number;
}
