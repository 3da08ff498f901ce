import {
  DETECTORS,
  type Detector,
  DLP_ACTIONS,
  type DlpAction,
} from "../../../config/detectors.ts";
import { scratch } from "../scratch.ts";
import { type Digits, readDigits } from "./digit-groups.ts";
import { findEmails } from "./email.ts";
import type { Detected, Finding } from "./finding.ts";
import { type Folded, fold } from "./folded.ts";
import { findIbans, findTaiwanIds } from "./identifiers.ts";
import { readLookAlikes } from "./look-alikes.ts";
import { findNumbers } from "./numbers.ts";
import { readNumerals } from "./numerals.ts";
import { redact } from "./redact.ts";
import { resolveOverlaps } from "./resolve.ts";
import { createRules, type DlpRule, type Rules } from "./rules.ts";
import { findSecrets } from "./secrets.ts";
import { type Spans, spansOf } from "./spans.ts";
import { createDlpStream, type DlpStream, type OpenSearch } from "./stream.ts";

/** What a text holds and what is to be done with it. */
export interface DlpVerdict {
  readonly action: DlpAction;
  /** In the order of the text, without overlaps. */
  readonly entities: readonly Finding[];
}

/** Other actions than the detectors' own; `allow` switches one off. */
export type DetectorChoice = { readonly [detector in Detector]?: DlpAction };

/** What to look for. */
export interface DlpOptions {
  readonly detectors?: DetectorChoice;
  readonly rules?: readonly DlpRule[];
  readonly now?: () => Date;
}

/** Data-loss prevention for one tenant and direction. */
export interface Dlp {
  inspect(text: string): DlpVerdict;
  /** The text with those of its entities that are to be redacted or blocked replaced by `[type]`. */
  redact(text: string, entities: readonly Finding[]): string;
  /** For a text that comes in pieces; however it is cut, the verdict is the whole text's. */
  stream(): DlpStream;
}

const RANKS: readonly DlpAction[] = DLP_ACTIONS;

/** What each built-in detector does unless told otherwise. */
export const DEFAULT_ACTIONS: Readonly<Record<Detector, DlpAction>> = {
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

/** Builds one engine. Throws RangeError for a rule that RE2 cannot express. */
export const createDlp = ({ detectors = {}, rules = [], now }: DlpOptions = {}): Dlp =>
  createDlpEngines(rules, now)(detectors);

/**
 * Builds engines that share the same compiled rules and differ in what the detectors do. Throws
 * RangeError for a rule that RE2 cannot express.
 */
export const createDlpEngines = (
  rules: readonly DlpRule[],
  now = () => new Date(),
): ((detectors: DetectorChoice) => Dlp) => {
  const compiled = createRules(rules);
  return (detectors) => createEngine(rules, compiled, detectors, now);
};

const createEngine = (
  rules: readonly DlpRule[],
  compiled: Rules,
  detectors: DetectorChoice,
  now: () => Date,
): Dlp => {
  const chosen = (name: Detector): DlpAction => detectors[name] ?? DEFAULT_ACTIONS[name];
  const actions = new Map<string, DlpAction>();
  for (const { name, action } of rules) {
    actions.set(name, stronger(action, actions.get(name) ?? "allow"));
  }
  for (const name of DETECTORS) {
    actions.set(name, stronger(chosen(name), actions.get(name) ?? "allow"));
  }
  const wanted: Detectors = {
    switchedOn: new Set(DETECTORS.filter((name) => chosen(name) !== "allow")),
    coversParts: stronger(chosen("iban"), "report") !== "report",
    now,
  };
  // The action counts first, then a built-in detector before a rule, in the order of both lists.
  const order = [...DETECTORS, ...rules.map(({ name }) => name)];
  const ranks = new Map(
    [...actions].map(([type, action]) => [
      type,
      (RANKS.indexOf(action) + 1) * order.length - order.indexOf(type),
    ]),
  );

  const rankOf = (type: string): number => ranks.get(type) ?? 0;
  const search = (text: string): readonly Finding[] =>
    scratch.during(() => {
      const folded = fold(text);
      const spans = detect(folded, wanted, 0);
      compiled.search(text, folded, spans);
      return resolveOverlaps(spans, rankOf);
    });

  const searchOpen = (text: string, from: number): OpenSearch => {
    const folded = fold(text);
    const fromFolded = fold(text.slice(0, from)).text.length;
    const spans = detect(folded, wanted, from);
    const settled = compiled.searchOpen(text, folded, [from, fromFolded], spans);
    return { folded, spans, entities: resolveOverlaps(spans, rankOf), settled };
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
    redact: (text, entities) =>
      redact(
        text,
        entities.filter(({ type }) => actions.get(type) !== "report"),
      ),
    stream: () => createDlpStream(searchOpen, actionOf),
  };
};

const stronger = (a: DlpAction, b: DlpAction): DlpAction =>
  RANKS.indexOf(a) >= RANKS.indexOf(b) ? a : b;

/** What a tenant looks for. */
interface Detectors {
  readonly switchedOn: ReadonlySet<Detector>;
  /** IBANs are masked, and with them what within one looks like a card. */
  readonly coversParts: boolean;
  /** Nobody has a number who is born in a later year. */
  now(): Date;
}

const ENOUGH_DIGITS = /\d(?:\D{0,24}\d){7}/;

/** What those detectors find that starts at an offset of the original or behind it. */
const detect = (
  folded: Folded,
  { switchedOn, coversParts, now }: Detectors,
  from: number,
): Spans => {
  const text = readLookAlikes(folded.text);
  const spans: Spans = new Map();
  const search = (
    find: (text: string) => readonly Detected[],
    view: string,
    ...names: Detector[]
  ): readonly Detected[] => {
    if (!names.some((name) => switchedOn.has(name))) return [];
    const found = find(view);
    for (const { type, start, end } of found) {
      const first = folded.startOf(start);
      if (first >= from && switchedOn.has(type))
        spansOf(spans, type).push(first, folded.endOf(end));
    }
    return found;
  };
  const searchDigits = (view: string): readonly (readonly Detected[])[] => {
    const ibans = search(findIbans, view, "iban");
    if (!ENOUGH_DIGITS.test(view)) return [ibans];
    const rest = coversParts ? hide(view, ibans) : view;
    let read: Digits | undefined;
    const digits = (): Digits => {
      read ??= readDigits(rest);
      return read;
    };
    return [
      ibans,
      search(
        (text) => findNumbers(text, digits(), now),
        rest,
        "credit_card",
        "us_ssn",
        "cn_resident_id",
        "cn_mobile",
        "tw_mobile",
      ),
      search((text) => findTaiwanIds(text, digits()), rest, "tw_id"),
    ];
  };
  const inDigits = searchDigits(text);
  const read = readNumerals(text);
  if (read !== undefined) {
    // Only what is no number yet: ① in front of one is part of it, or the mark of a list.
    const rest = inDigits.reduce(hide, text);
    searchDigits(rest === text ? read : (readNumerals(rest) ?? ""));
  }
  search(findEmails, text, "email");
  search(findSecrets, text, "secret");
  return spans;
};

/** The text with letters in the place of what was found. */
const hide = (text: string, found: readonly Detected[]): string => {
  if (found.length === 0) return text;
  let rest = "";
  let from = 0;
  for (const { start, end } of found) {
    rest += text.slice(from, start) + "a".repeat(end - start);
    from = end;
  }
  return rest + text.slice(from);
};
