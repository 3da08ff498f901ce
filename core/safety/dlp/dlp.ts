import { findEmails } from "./email.ts";
import { DETECTORS, type Detector, type Finding } from "./finding.ts";
import { type Folded, fold } from "./folded.ts";
import { findIbans, findTaiwanIds } from "./identifiers.ts";
import { findNumbers } from "./numbers.ts";
import { redact } from "./redact.ts";
import { resolveOverlaps } from "./resolve.ts";
import { createRules, type DlpRule } from "./rules.ts";
import { findSecrets } from "./secrets.ts";
import { createDlpStream, type DlpStream, type OpenSearch } from "./stream.ts";

/** What happens with a text, the strongest last. */
export type DlpAction = "allow" | "redact" | "block";

/** What a text holds and what is to be done with it. */
export interface DlpVerdict {
  readonly action: DlpAction;
  /** In the order of the text, without overlaps. */
  readonly entities: readonly Finding[];
}

/** What to look for. */
export interface DlpOptions {
  /** Other actions than a detector's own; `allow` switches it off. */
  readonly detectors?: { readonly [detector in Detector]?: DlpAction };
  readonly rules?: readonly DlpRule[];
}

/** Data-loss prevention for one tenant and direction. */
export interface Dlp {
  inspect(text: string): DlpVerdict;
  /** The text with every entity that is to be redacted or blocked replaced by `[type]`. */
  redact(text: string): string;
  /** For a text that comes in pieces; however it is cut, the verdict is the whole text's. */
  stream(): DlpStream;
}

const RANKS: readonly DlpAction[] = ["allow", "redact", "block"];

/** What each built-in detector does unless told otherwise. */
const DEFAULT_ACTIONS: Readonly<Record<Detector, DlpAction>> = {
  secret: "block",
  credit_card: "block",
  cn_resident_id: "redact",
  us_ssn: "redact",
  tw_id: "redact",
  iban: "redact",
  cn_mobile: "redact",
  tw_mobile: "redact",
  email: "redact",
};

/** Builds the engine. Throws RangeError for a rule that RE2 cannot express. */
export const createDlp = ({ detectors = {}, rules = [] }: DlpOptions = {}): Dlp => {
  const actions = new Map<string, DlpAction>();
  for (const { name, action } of rules) {
    actions.set(name, stronger(action, actions.get(name) ?? "allow"));
  }
  for (const name of DETECTORS) {
    const own = detectors[name] ?? DEFAULT_ACTIONS[name];
    actions.set(name, stronger(own, actions.get(name) ?? "allow"));
  }
  const isOn = (name: Detector): boolean => (detectors[name] ?? DEFAULT_ACTIONS[name]) !== "allow";
  const compiled = createRules(rules);
  // The action counts first, then a built-in detector before a rule, in the order of both lists.
  const order = [...DETECTORS, ...rules.map(({ name }) => name)];
  const ranks = new Map(
    [...actions].map(([type, action]) => [
      type,
      (RANKS.indexOf(action) + 1) * order.length - order.indexOf(type),
    ]),
  );

  const rankOf = (type: string): number => ranks.get(type) ?? 0;
  const builtIn = (folded: Folded): Finding[] =>
    detect(folded.text, isOn).map(({ type, start, end }) => ({
      type,
      start: folded.startOf(start),
      end: folded.endOf(end),
    }));

  const search = (text: string): readonly Finding[] => {
    const folded = fold(text);
    return resolveOverlaps([...builtIn(folded), ...compiled.search(text, folded).findings], rankOf);
  };

  const searchOpen = (text: string, from: number): OpenSearch => {
    const folded = fold(text);
    const fromFolded = fold(text.slice(0, from)).text.length;
    const ruled = compiled.searchOpen(text, folded, from, fromFolded);
    const own = builtIn(folded).filter(({ start }) => start >= from);
    const findings = [...own, ...ruled.findings];
    const entities = resolveOverlaps(findings, rankOf);
    return { folded, findings, entities, settled: ruled.settled };
  };

  const actionOf = (entities: readonly Finding[]): DlpAction =>
    entities.reduce<DlpAction>(
      (action, { type }) => stronger(action, actions.get(type) ?? "redact"),
      "allow",
    );

  return {
    inspect(text) {
      const entities = search(text);
      return { action: actionOf(entities), entities };
    },
    redact: (text) => redact(text, search(text)),
    stream: () => createDlpStream(searchOpen, actionOf),
  };
};

const stronger = (a: DlpAction, b: DlpAction): DlpAction =>
  RANKS.indexOf(a) >= RANKS.indexOf(b) ? a : b;

const FINDERS: readonly (readonly [readonly Detector[], (text: string) => readonly Finding[]])[] = [
  [["credit_card", "us_ssn", "cn_resident_id", "cn_mobile", "tw_mobile"], findNumbers],
  [["tw_id"], findTaiwanIds],
  [["iban"], findIbans],
  [["email"], findEmails],
  [["secret"], findSecrets],
];
const ENOUGH_DIGITS = /\d(?:\D{0,24}\d){7}/;

const detect = (text: string, isOn: (name: Detector) => boolean): Finding[] => {
  const hasDigits = ENOUGH_DIGITS.test(text);
  const findings: Finding[] = [];
  for (const [names, find] of FINDERS) {
    const needsDigits = find === findNumbers || find === findTaiwanIds || find === findIbans;
    if (needsDigits && !hasDigits) continue;
    if (!names.some(isOn)) continue;
    for (const finding of find(text)) {
      if (DETECTORS.some((name) => name === finding.type && isOn(name))) findings.push(finding);
    }
  }
  return findings;
};
