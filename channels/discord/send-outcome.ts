import type { SendOutcome } from "../../core/contract/channel.ts";
import type { RestOutcome } from "./rest.ts";

/**
 * Discord's codes that somebody here asks about.
 * @see https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
 */
export const CODES = {
  unknownMessage: 10008,
  unknownWebhook: 10015,
  unknownInteraction: 10062,
  alreadyAcknowledged: 40060,
  emptyMessage: 50006,
  archivedThread: 50083,
  invalidWebhookToken: 50027,
  threadExists: 160004,
} as const;

const WITHOUT_TOKEN_MS = 60_000;
const WITHOUT_NETWORK_MS = 2_000;
const MISDIRECTED_MS = 60_000;

/** What a call that shows something means for the part that it shows. */
export const sendOutcome = (api: string, outcome: RestOutcome): SendOutcome => {
  switch (outcome.kind) {
    case "ok":
      return { kind: "delivered" };
    case "limited": {
      const whose = outcome.isGlobal ? "the whole bot" : "this route";
      return retry(outcome.afterMs, `${api}: ${whose} is limited`);
    }
    case "unauthorized":
      return retry(WITHOUT_TOKEN_MS, `${api}: the bot token is refused`);
    case "unreachable":
      return retry(WITHOUT_NETWORK_MS, `${api}: ${outcome.reason}`);
    case "lost":
      return { kind: "unknown", reason: `${api}: ${outcome.reason}` };
    case "failed": {
      const { status, code } = outcome;
      const reason = `${api}: HTTP ${status}, code ${code}`;
      if (status === 408) return { kind: "unknown", reason };
      // Without a code it was not Discord who answered, but something in front of it.
      return code === 0 && status !== 413
        ? retry(MISDIRECTED_MS, reason)
        : { kind: "refused", reason };
    }
  }
};

const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs: Math.ceil(afterMs),
  reason,
});

/** Refused with one of these codes. */
export const hasCode = (outcome: RestOutcome, ...codes: readonly number[]): boolean =>
  outcome.kind === "failed" && codes.includes(outcome.code);

/** What a failed call means that shows nothing by itself: whatever came of it, nothing was sent. */
export const notYet = (api: string, outcome: RestOutcome): SendOutcome => {
  const told = sendOutcome(api, outcome);
  return told.kind === "unknown" ? retry(WITHOUT_NETWORK_MS, told.reason) : told;
};
