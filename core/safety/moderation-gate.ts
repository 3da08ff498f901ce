import type { Direction } from "../../config/detectors.ts";
import type { Log } from "../contract/log.ts";
import type { Answer, Reply } from "../contract/reply.ts";
import { refuse } from "../refuse.ts";
import { allowedRegions } from "../residency.ts";
import type { Context } from "../stage.ts";
import type { Classifier } from "./classifiers/classifier.ts";
import { classify } from "./classifiers/classify.ts";
import type { TextFilter } from "./filtered-progress.ts";
import { createModeration } from "./moderation/moderation.ts";
import { TermCheck } from "./moderation/term-check.ts";
import type { Reviews } from "./reviews.ts";
import type { SafetyOf, TenantSafety } from "./tenant-safety.ts";

/** Where messages and answers are moderated. */
export interface ModerationGate {
  /** For the texts of one turn in one direction; undefined where the tenant has no moderation. */
  open(context: Context): ModerationCheck | undefined;
}

export interface ModerationCheck {
  /** Looks at a text; how it may go on. */
  readonly mask: (text: string) => string;
  /**
   * The reply in the place of the texts that were looked at; undefined when they may go on.
   * `answer` is what they are of, on the way out.
   */
  stop(direction: Direction, answer?: Answer): Promise<Reply | undefined>;
  /** For an answer that is being written; absent where only the whole of it can be judged. */
  readonly createFilter?: () => TextFilter;
}

export interface ModerationParts {
  readonly safetyOf: SafetyOf;
  readonly reviews: Reviews;
  readonly log: Log;
}

const NO_TERMS = createModeration([]);

export const createModerationGate = ({
  safetyOf,
  reviews,
  log,
}: ModerationParts): ModerationGate => ({
  open: (context) => {
    const safety = safetyOf(context.tenant.id);
    const { moderation = NO_TERMS, classifiers } = safety;
    if (moderation === "missing") return closed(context);
    if (moderation === NO_TERMS && classifiers.length === 0) return undefined;
    const check = new TermCheck(moderation);
    return {
      mask: check.mask,
      stop: async (direction, answer) => {
        const turn = { context, direction, check, safety, reviews, answer };
        return (await stopForTerms(turn)) ?? stopForClassifiers({ ...turn, log });
      },
      ...(classifiers.length === 0 && {
        createFilter: () => {
          const stream = moderation.stream();
          return (piece: string) => stream.push(piece);
        },
      }),
    };
  },
});

/** Without its terms nobody knows what a text holds. */
const closed = ({ note, locale }: Context): ModerationCheck => ({
  mask: (text) => text,
  stop: async (direction) => {
    note?.(`not_moderated_${direction}`, "a lexicon is missing");
    return refuse("MODERATION_UNAVAILABLE", locale);
  },
});

/** What was looked at, and on whose behalf. */
interface Checked {
  readonly context: Context;
  readonly direction: Direction;
  readonly check: TermCheck;
  readonly safety: TenantSafety;
  readonly reviews: Reviews;
  readonly answer: Answer | undefined;
}

/** Holds the turn for a reviewer; undefined where exactly this text was released by one. */
const hold = async (checked: Checked): Promise<Reply | undefined> => {
  const { context, direction, check, safety, reviews, answer } = checked;
  if (direction === "in" && context.released === check.text) return undefined;
  const { text, hits } = check;
  // A reviewer sees no more than the person will: what was said is without personal data already.
  const found = direction === "out" ? safety.dlp?.out.inspect(text) : undefined;
  return reviews.hold(context, {
    direction,
    answer,
    text: found ? (safety.dlp?.out.redact(text, found.entities) ?? "") : text,
    terms: [...new Set(hits.map(({ id }) => id))],
  });
};

const stopForTerms = async (checked: Checked): Promise<Reply | undefined> => {
  const { context, direction, check } = checked;
  const { action, hits, summary } = check;
  if (hits.length > 0) context.note?.(`terms_${direction}`, summary);
  if (action === "block") return refuse("CONTENT_BLOCKED", context.locale);
  return action === "review" ? hold(checked) : undefined;
};

const stopForClassifiers = async (
  checked: Checked & { readonly log: Log },
): Promise<Reply | undefined> => {
  const { context, direction, check, log } = checked;
  const { classifiers, dlp, isModerationRequired } = checked.safety;
  const { tenant, locale, note, isSensitive = false } = context;
  if (classifiers.length === 0 || check.text.trim() === "") return undefined;
  // A classifier is a model: it gets what models get, of answers too.
  const verdict = dlp?.in.inspect(check.text);
  const text = verdict ? (dlp?.in.redact(check.text, verdict.entities) ?? "") : check.text;
  const isPersonal = isSensitive || (verdict?.entities.length ?? 0) > 0;
  const regions = allowedRegions({ tenant, isSensitive: isPersonal });
  const mayAsk = ({ region }: Classifier) => regions.has(region);
  const said = await classify(text, classifiers, mayAsk, context);
  if (said.action !== "allow") {
    note?.(`classified_${direction}`, [said.action, ...said.labels].join(" "));
  }
  if (said.unavailable.length > 0) {
    const names = said.unavailable.map(({ name }) => name);
    note?.(`not_classified_${direction}`, names.join(", "));
    const { traceId } = context;
    log.warn({ traceId, tenant: tenant.id, classifiers: said.unavailable }, "text not classified");
  }
  if (said.action === "block") return refuse("CONTENT_BLOCKED", locale);
  if (said.unavailable.length > 0 && isModerationRequired) {
    return refuse("MODERATION_UNAVAILABLE", locale);
  }
  return said.action === "review" ? hold(checked) : undefined;
};
