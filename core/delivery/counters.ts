import type { SendOutcome } from "../contract/channel.ts";

/** What this process did since it started; each number only grows. */
export interface Counters {
  /** Messages that were stored. */
  accepted: number;
  /** Deliveries of messages that were stored before. */
  duplicates: number;
  /** Messages that were not stored because too much of their tenant's waited; the platform retries. */
  overloaded: number;
  /** Requests to a webhook that were refused unread because too many were in work; the platform retries. */
  putOff: number;
  /** Turns that ended with their reply stored, silence included. */
  answered: number;
  /** Turns whose message another process had begun, and died over. */
  takenOver: number;
  /** Tries to deliver a part by the platform's API, by what came of them. */
  readonly sends: Record<SendOutcome["kind"], number>;
  /** Those of them that were not the first for their part. */
  retries: number;
  /** Messages that cannot be answered, or their reply not be delivered, unless an operator replays them. */
  deadLetters: number;
  /** Times that a tenant's contacts were to be told of its budget. */
  budgetAlerts: number;
  /** What models cost, in US dollars, as far as their prices are known. */
  modelCostUsd: number;
  /** Messages over their sender's or their tenant's rate limit. */
  rateLimited: number;
}

/** All at nought. */
export const createCounters = (): Counters => ({
  accepted: 0,
  duplicates: 0,
  overloaded: 0,
  putOff: 0,
  answered: 0,
  takenOver: 0,
  sends: { delivered: 0, retry: 0, refused: 0, unknown: 0 },
  retries: 0,
  deadLetters: 0,
  budgetAlerts: 0,
  modelCostUsd: 0,
  rateLimited: 0,
});
