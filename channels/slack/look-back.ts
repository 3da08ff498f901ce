import { type ApiOutcome, describe } from "./api-outcome.ts";
import { type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";
import { isPerson, type SlackTarget } from "./target.ts";
import { isTs } from "./types.ts";

/** What is looked for in a room; gets each message that came after the one that is answered. */
export type IsIt = (message: JsonObject) => boolean;

/** `unable`: Slack will never tell us. */
export type Found =
  | { readonly kind: "found"; readonly ts: string }
  | { readonly kind: "missing" }
  | { readonly kind: "later"; readonly afterMs: number; readonly reason: string }
  | { readonly kind: "unable"; readonly reason: string };

type Ask = (method: string, args: object) => Promise<ApiOutcome>;

const PAGE = 100;
const MAX_PAGES = 5;
const LATER_MS = 1_000;
const OPEN = "conversations.open";

/**
 * Looks for a message where an answer to `target` would be.
 * @see https://docs.slack.dev/reference/methods/conversations.replies
 */
export const lookBack = async (target: SlackTarget, isIt: IsIt, ask: Ask): Promise<Found> => {
  const { threadTs, replyTo } = target;
  let { channelId } = target;
  if (isPerson(channelId)) {
    const outcome = await ask(OPEN, { users: channelId });
    if (outcome.kind !== "ok") return failed(OPEN, outcome);
    const opened = textIn(objectIn(outcome.body, "channel"), "id");
    if (opened === undefined) return { kind: "unable", reason: `${OPEN}: no room was named` };
    channelId = opened;
  }
  const oldest = beforeAnswer(replyTo);
  const method = threadTs === undefined ? "conversations.history" : "conversations.replies";
  let cursor: string | undefined;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const outcome = await ask(method, {
      channel: channelId,
      ...(threadTs !== undefined && { ts: threadTs }),
      ...(oldest !== undefined && { oldest }),
      ...(cursor !== undefined && { cursor }),
      include_all_metadata: true,
      limit: PAGE,
    });
    if (outcome.kind !== "ok") return failed(method, outcome);
    const ts = textIn(objectsIn(outcome.body, "messages").find(isIt), "ts");
    if (ts !== undefined) return { kind: "found", ts };
    cursor = textIn(objectIn(outcome.body, "response_metadata"), "next_cursor");
    if (cursor === undefined) return { kind: "missing" };
  }
  return { kind: "missing" };
};

const failed = (method: string, outcome: Exclude<ApiOutcome, { readonly kind: "ok" }>): Found => {
  const reason = `${method}: ${describe(outcome)}`;
  switch (outcome.kind) {
    case "limited":
      return { kind: "later", afterMs: outcome.afterMs, reason };
    case "error":
      // The room or the thread is gone, and the message with it; or nothing of ours was ever in it.
      if (/_not_found$|^not_in_channel$/.test(outcome.error)) return { kind: "missing" };
      if (PASSING.test(outcome.error)) return { kind: "later", afterMs: LATER_MS, reason };
      return { kind: "unable", reason };
    case "unreachable":
    case "lost":
      return { kind: "later", afterMs: LATER_MS, reason };
  }
};

/** From where on it can be: threads are read from their beginning, and one may be long. */
const beforeAnswer = (replyTo: string): string | undefined => {
  const asked = replyTo.split("/").find(isTs);
  if (asked === undefined) return undefined;
  const [seconds = "0"] = asked.split(".");
  return `${Math.max(0, Number(seconds) - MARGIN_S)}.000000`;
};

/** Time stamps are said to be in order; to rely on it to the second would cost a second answer. */
const MARGIN_S = 60 * 60;

const PASSING = /^(?:internal_error|fatal_error|service_unavailable|request_timeout)$/;
