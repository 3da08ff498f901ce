/** The built-in detectors of data-loss prevention, in the order in which they win a tie. */
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

/**
 * What happens with a text in which a detector finds something, the strongest last. `allow` does not
 * look at all; `report` lets it pass as it is, but puts it on record and makes the turn sensitive.
 */
export const DLP_ACTIONS = ["allow", "report", "redact", "block"] as const;
export type DlpAction = (typeof DLP_ACTIONS)[number];

/** Where a text is going: `in` to models, skills and memory, `out` to people. */
export type Direction = "in" | "out";

/** Other actions than the detectors' own, by detector and direction. */
export type DetectorActions = {
  readonly [detector in Detector]?:
    | { readonly [direction in Direction]?: DlpAction | undefined }
    | undefined;
};
