import { settingsSchema } from "../../config/schema.ts";
import type { PipelineParts } from "../../core/pipeline.ts";
import { refuse } from "../../core/refuse.ts";
import type { Classifier } from "../../core/safety/classifiers/classifier.ts";
import { createLexicon, type Term } from "../../core/safety/moderation/lexicon.ts";
import { createSafety, type SafetyOf } from "../../core/safety/tenant-safety.ts";

/** Holds everything, and nobody ever looks at it. */
const noReviewers: PipelineParts["reviews"] = {
  hold: async ({ locale }) => refuse("CONTENT_HELD", locale),
  list: async () => ({ reviews: [], pending: 0 }),
  show: async () => undefined,
  decide: async () => ({ kind: "refused", code: "NOT_FOUND" }),
  withdraw: async () => 0,
};

/** Content rules under which everything passes. */
export const freeContent = {
  safetyOf: (): ReturnType<SafetyOf> => ({ classifiers: [], isModerationRequired: false }),
  reviews: noReviewers,
};

export interface ContentOptions {
  /** What `enterprise.data_loss_prevention` says. */
  readonly dlp?: object;
  /** What the tenant says. */
  readonly tenant?: object;
  readonly terms?: readonly Term[];
  readonly classifiers?: readonly Classifier[];
}

/** Content rules of tenant `sales`, from settings. */
export const contentOf = ({ dlp, tenant, terms, classifiers = [] }: ContentOptions = {}) => {
  const settings = settingsSchema.parse({
    multi_tenant: {
      tenants: [{ id: "sales", ...(terms && { lexicons: ["words"] }), ...tenant }],
    },
    ...(dlp && { enterprise: { data_loss_prevention: dlp } }),
  });
  const lexicons = new Map([["words", createLexicon(terms ?? [], "words")]]);
  return { ...freeContent, safetyOf: createSafety(settings, { lexicons, classifiers }) };
};
