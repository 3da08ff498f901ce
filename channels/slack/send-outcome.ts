import type { SendOutcome } from "../../core/contract/channel.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";

/**
 * What an error of the Web API asks for.
 * - `token`: the token is no longer good; another one may be
 * - `passing`: Slack's own trouble; it may have done it all the same
 * - `blocks`: it does not take these blocks
 * - `room`: nothing can be said there
 * - `configuration`: an operator has to change something, here or in the app's settings
 * - `bug`: we built a request that is wrong
 */
export type ErrorKind = "token" | "passing" | "blocks" | "room" | "configuration" | "bug";

const KINDS: ReadonlyMap<string, ErrorKind> = new Map([
  ...kind("token", "invalid_auth not_authed token_expired token_revoked account_inactive"),
  ...kind("passing", "internal_error fatal_error service_unavailable request_timeout"),
  // A message that still grows is ended first, and changed then.
  ...kind("passing", "streaming_state_conflict"),
  // A workspace, or a room, is being moved.
  ...kind("passing", "team_added_to_org external_channel_migrating"),
  ...kind("blocks", "invalid_blocks invalid_blocks_format msg_blocks_too_long invalid_block_type"),
  ...kind("room", "channel_not_found not_in_channel is_archived thread_not_found user_not_found"),
  ...kind("room", "restricted_action restricted_action_thread_locked cannot_dm_bot user_disabled"),
  ...kind("room", "restricted_action_thread_only_channel restricted_action_read_only_channel"),
  ...kind("room", "response_url_used_or_expired response_url_refused cant_reply_to_message"),
  ...kind("configuration", "missing_scope not_allowed_token_type no_permission access_denied"),
  ...kind("configuration", "team_access_not_granted org_login_required ekm_access_denied"),
]);

function kind(kind: ErrorKind, errors: string): [string, ErrorKind][] {
  return errors.split(" ").map((error) => [error, kind]);
}

/**
 * An unknown error was not done and will not get better by itself.
 * @see https://docs.slack.dev/reference/methods/chat.postMessage#errors
 */
export const kindOfError = (error: string): ErrorKind => KINDS.get(error) ?? "bug";

const UNREACHABLE_MS = 2_000;

/** How a send ended whose last call ended so. */
export const sendOutcome = (method: string, outcome: ApiOutcome): SendOutcome => {
  const reason = `${method}: ${describe(outcome)}`;
  switch (outcome.kind) {
    case "ok":
      return { kind: "delivered" };
    case "limited":
      return { kind: "retry", afterMs: outcome.afterMs, reason };
    case "unreachable":
      return { kind: "retry", afterMs: UNREACHABLE_MS, reason };
    case "lost":
      return { kind: "unknown", reason };
    case "error":
      return { kind: kindOfError(outcome.error) === "passing" ? "unknown" : "refused", reason };
  }
};
