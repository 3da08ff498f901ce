/** Billionths of a US dollar, whole: what amounts are counted in, so that no sum is rounded. */
export type NanoUsd = number;

const PER_USD = 1_000_000_000;

/** Rounded down: a limit is never widened by it. */
export const limitOf = (usd: number): NanoUsd => Math.floor(usd * PER_USD);

/** For people and machines that count in dollars. */
export const toUsd = (nano: NanoUsd): number => nano / PER_USD;

/**
 * What so many tokens cost, rounded up; `ratePerMillion` is in US dollars.
 * Infinite prices and counts beyond what a number holds become the largest safe amount.
 */
export const costOf = (tokens: number, usdPerMillion: number): NanoUsd =>
  Math.min(Math.ceil(tokens * usdPerMillion * 1000), MOST);

// A million dollars: what is dearer fits no budget, and sums of it stay exact.
const MOST: NanoUsd = 1_000_000 * PER_USD;
