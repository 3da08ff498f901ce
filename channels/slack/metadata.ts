import { type JsonObject, objectIn, textIn } from "./json.ts";

const PART = "clawgate_part";
const GROWING = "clawgate_growing";

/**
 * What a message bears so that it can be found again; nobody sees it.
 * @see https://docs.slack.dev/messaging/message-metadata
 */
export const partMetadata = (id: string) => ({ event_type: PART, event_payload: { id } });

/** What a message bears while its answer is not whole. */
export const growingMetadata = (replyTo: string) => ({
  event_type: GROWING,
  event_payload: { reply_to: replyTo },
});

/** Whether a message is this part of an answer. */
export const isPart =
  (id: string) =>
  (message: JsonObject): boolean => {
    const metadata = objectIn(message, "metadata");
    const payload = objectIn(metadata, "event_payload");
    return textIn(metadata, "event_type") === PART && textIn(payload, "id") === id;
  };

/**
 * Whether a message is an answer to `replyTo` that never became whole: it says so, or it is a
 * stream of ours, which cannot say anything before it ends.
 */
export const isUnfinished =
  (replyTo: string, botUserId: string | undefined) =>
  (message: JsonObject): boolean => {
    const metadata = objectIn(message, "metadata");
    if (textIn(metadata, "event_type") === GROWING) {
      return textIn(objectIn(metadata, "event_payload"), "reply_to") === replyTo;
    }
    const isBare = textIn(metadata, "event_type") === undefined && message.files === undefined;
    return isBare && botUserId !== undefined && textIn(message, "user") === botUserId;
  };
