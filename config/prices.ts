import type { Kind } from "./presets.ts";

/** What a model costs from a day on, per million tokens. */
export interface ListPrice {
  readonly kind: Kind;
  readonly model: string;
  readonly currency: string;
  /** First day (UTC). */
  readonly validFrom: string;
  readonly inputPerMillion: number;
  readonly outputPerMillion: number;
}

const list = (
  kind: Kind,
  rows: readonly (readonly [model: string, validFrom: string, input: number, output: number])[],
): readonly ListPrice[] =>
  rows.map(([model, validFrom, inputPerMillion, outputPerMillion]) => ({
    kind,
    model,
    currency: "USD",
    validFrom,
    inputPerMillion,
    outputPerMillion,
  }));

/**
 * The vendors' list prices of common models, in US dollars, without discounts for cached input or
 * batches, as of December 2025. What is not here needs an entry in `models.prices`.
 */
export const LIST_PRICES: readonly ListPrice[] = [
  // https://platform.openai.com/docs/pricing
  ...list("openai", [
    ["gpt-4o", "2024-10-02", 2.5, 10],
    ["gpt-4o-mini", "2024-07-18", 0.15, 0.6],
    ["gpt-4.1", "2025-04-14", 2, 8],
    ["gpt-4.1-mini", "2025-04-14", 0.4, 1.6],
    ["gpt-4.1-nano", "2025-04-14", 0.1, 0.4],
    ["o3", "2025-06-10", 2, 8],
    ["o4-mini", "2025-04-16", 1.1, 4.4],
    ["gpt-5", "2025-08-07", 1.25, 10],
    ["gpt-5-mini", "2025-08-07", 0.25, 2],
    ["gpt-5-nano", "2025-08-07", 0.05, 0.4],
  ]),
  // https://docs.anthropic.com/en/docs/about-claude/pricing
  ...list("anthropic", [
    ["claude-3-5-haiku-20241022", "2024-12-03", 0.8, 4],
    ["claude-3-7-sonnet-20250219", "2025-02-24", 3, 15],
    ["claude-sonnet-4-20250514", "2025-05-22", 3, 15],
    ["claude-opus-4-20250514", "2025-05-22", 15, 75],
    ["claude-opus-4-1-20250805", "2025-08-05", 15, 75],
    ["claude-sonnet-4-5-20250929", "2025-09-29", 3, 15],
    ["claude-haiku-4-5-20251001", "2025-10-15", 1, 5],
    ["claude-opus-4-5-20251101", "2025-11-24", 5, 25],
  ]),
  // https://api-docs.deepseek.com/quick_start/pricing
  ...list("deepseek", [
    ["deepseek-chat", "2025-09-29", 0.28, 0.42],
    ["deepseek-reasoner", "2025-09-29", 0.28, 0.42],
  ]),
];
