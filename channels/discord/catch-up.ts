import { pause } from "../pause.ts";
import { idIn, isAfter, isPayload, type Payload } from "./payload.ts";
import type { Rest, RestOutcome } from "./rest.ts";

export interface CatchUpOptions {
  readonly rest: Rest;
  readonly channelId: string;
  /** The first page begins behind this message. */
  readonly after: string;
  /** Told of each message, the oldest first. A rejection ends it. */
  readonly take: (message: Payload) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * How far it came. `done` with the last message that was there; `gone` = there is no such room;
 * `later` = it is to be tried again.
 */
export type CaughtUp =
  | { readonly kind: "done" | "gone"; readonly last: string }
  | { readonly kind: "later"; readonly reason: string };

/** The most that Discord gives at once. */
const PAGE = 100;
const LONGEST_WAIT_MS = 10_000;

/**
 * Reads what was said in a room since a message. Rejects only as `take` does.
 * @see https://discord.com/developers/docs/resources/message#get-channel-messages
 */
export const catchUp = async (options: CatchUpOptions): Promise<CaughtUp> => {
  const { channelId, take, signal } = options;
  for (let last = options.after; ; ) {
    const outcome = await page(options, last);
    if (signal.aborted) return { kind: "later", reason: "stopping" };
    if (outcome.kind === "failed" && outcome.status < 500) {
      // The room is gone, or closed to us: there is nothing that we could have missed.
      return { kind: outcome.status === 404 ? "gone" : "done", last };
    }
    if (outcome.kind !== "ok" || !Array.isArray(outcome.body)) {
      const reason = "reason" in outcome ? outcome.reason : outcome.kind;
      return { kind: "later", reason: `GET /channels/${channelId}/messages: ${reason}` };
    }
    const from = last;
    const messages = outcome.body
      .filter(isPayload)
      .flatMap((message) => {
        const id = idIn(message, "id");
        return id !== undefined && isAfter(id, from) ? [{ id, message }] : [];
      })
      .sort((one, other) => (isAfter(one.id, other.id) ? 1 : -1));
    for (const { id, message } of messages) {
      // What is read from a room does not say which one it is.
      await take({ ...message, channel_id: channelId });
      last = id;
    }
    if (outcome.body.length < PAGE || messages.length === 0) return { kind: "done", last };
  }
};

const page = async (
  { rest, channelId, signal }: CatchUpOptions,
  after: string,
): Promise<RestOutcome> => {
  for (;;) {
    const query = { after, limit: String(PAGE) };
    const outcome = await rest.request("GET", `/channels/${channelId}/messages`, {
      query,
      signal,
      isBackground: true,
    });
    if (outcome.kind !== "limited" || outcome.afterMs > LONGEST_WAIT_MS) return outcome;
    await pause(outcome.afterMs, signal);
    if (signal.aborted) return outcome;
  }
};
