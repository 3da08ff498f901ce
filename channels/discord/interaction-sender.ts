import type { SendOutcome } from "../../core/contract/channel.ts";
import { EPHEMERAL, messageBody } from "./message-body.ts";
import { timeOf } from "./payload.ts";
import type { Posted } from "./posted.ts";
import type { Rest, RestOutcome } from "./rest.ts";
import { CODES, hasCode, notYet, sendOutcome } from "./send-outcome.ts";
import { createdId, type Sending } from "./sending.ts";
import { originalRoute, type TargetInteraction, webhookRoute } from "./target.ts";

/** How a message is sent while the token of its interaction lasts. */
export type InteractionWay = "original" | "private" | "follow-up";

/**
 * `original` edits what announced the answer, or the card that was clicked: as often as one likes.
 * @see https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
 */
export const wayOf = (
  { outgoing, target }: Sending,
  interaction: TargetInteraction,
): InteractionWay => {
  if (outgoing.kind === "card" && target.cardMessageId !== undefined) return "original";
  const isPrivate = outgoing.kind === "text" && outgoing.isPrivate === true;
  // In a direct chat nobody else is there.
  if (isPrivate && target.guildId !== undefined) return "private";
  return outgoing.n === 0 && interaction.deferred === "message" ? "original" : "follow-up";
};

export interface InteractionSenderParts {
  readonly rest: Rest;
  readonly posted: Pick<Posted, "note">;
  readonly now: () => Date;
}

// The acknowledgement may still be on its way from another process, or be read by Discord.
const YOUNG_MS = 10_000;
const ACKNOWLEDGED_SOON_MS = 500;

/** Answers interactions by their token; undefined when that is no longer good. Rejects when the store is away. */
export const createInteractionSender = ({ rest, posted, now }: InteractionSenderParts) => {
  const isGone = (outcome: RestOutcome): boolean =>
    hasCode(outcome, CODES.unknownWebhook, CODES.invalidWebhookToken, CODES.unknownInteraction) ||
    (outcome.kind === "failed" && outcome.status === 401);

  const soon = ({ target }: Sending, outcome: RestOutcome): SendOutcome | undefined =>
    hasCode(outcome, CODES.unknownMessage, CODES.unknownWebhook, CODES.unknownInteraction) &&
    Math.abs(now().getTime() - timeOf(target.replyTo).getTime()) < YOUNG_MS
      ? {
          kind: "retry",
          afterMs: ACKNOWLEDGED_SOON_MS,
          reason: "the interaction is not acknowledged yet",
        }
      : undefined;

  const followUp = async (
    sending: Sending,
    interaction: TargetInteraction,
    moreFlags: number,
  ): Promise<SendOutcome | undefined> => {
    const { outgoing, signal } = sending;
    const { body, files } = messageBody(outgoing);
    const flags = Number((body as { flags?: number }).flags ?? 0) | moreFlags;
    const outcome = await rest.request("POST", webhookRoute(interaction), {
      body: { ...body, flags },
      auth: false,
      signal,
      ...(files && { files }),
    });
    if (isGone(outcome)) return soon(sending, outcome);
    const id = createdId(outcome);
    if (id !== undefined) await posted.note(id, sending);
    return sendOutcome("follow-up", outcome);
  };

  const editOriginal = async (
    sending: Sending,
    interaction: TargetInteraction,
  ): Promise<SendOutcome | undefined> => {
    const { outgoing, signal } = sending;
    const outcome = await rest.request("PATCH", originalRoute(interaction), {
      ...messageBody(outgoing),
      auth: false,
      signal,
    });
    if (isGone(outcome)) return soon(sending, outcome);
    if (hasCode(outcome, CODES.unknownMessage)) {
      // Somebody has deleted it.
      return soon(sending, outcome) ?? followUp(sending, interaction, 0);
    }
    const id = createdId(outcome);
    if (id !== undefined) await posted.note(id, sending);
    return sendOutcome("edit response", outcome);
  };

  /** What was announced to everybody is taken back: only a new message can be for one person. */
  const sendPrivately = async (
    sending: Sending,
    interaction: TargetInteraction,
  ): Promise<SendOutcome | undefined> => {
    if (sending.outgoing.n === 0 && interaction.deferred === "message") {
      const { signal } = sending;
      const deleted = await rest.request("DELETE", originalRoute(interaction), {
        auth: false,
        signal,
      });
      if (isGone(deleted)) return soon(sending, deleted);
      if (deleted.kind !== "ok" && !hasCode(deleted, CODES.unknownMessage)) {
        // In front of everybody is better than not at all.
        return deleted.kind === "failed"
          ? editOriginal(sending, interaction)
          : notYet("delete response", deleted);
      }
    }
    return followUp(sending, interaction, EPHEMERAL);
  };

  return async (
    sending: Sending,
    interaction: TargetInteraction,
  ): Promise<SendOutcome | undefined> => {
    switch (wayOf(sending, interaction)) {
      case "original":
        return editOriginal(sending, interaction);
      case "private":
        return sendPrivately(sending, interaction);
      case "follow-up":
        return followUp(sending, interaction, 0);
    }
  };
};
