import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { createDeadline } from "../deadline.ts";
import { describe } from "./api-outcome.ts";
import { isTrue, type JsonObject, readObject, textIn } from "./json.ts";
import { CHANNEL, isSlackId } from "./types.ts";
import type { WebApi } from "./web-api.ts";

/** Whose a token is. */
export interface TokenIdentity {
  /** The workspace it speaks in; the organisation's id is beside it. */
  readonly teamId: string;
  readonly enterpriseId?: string;
  /** It speaks in every workspace of the organisation. */
  readonly isEnterprise: boolean;
  readonly userId: string;
  readonly botId: string;
}

/** Whose the tokens of the settings are, by `auth.test`: asked once, remembered across restarts. */
export interface Identities {
  /** What is known without asking. */
  known(token: string): TokenIdentity | undefined;
  /** Undefined for a token that Slack refuses. Rejects when it cannot be asked for now. */
  of(token: string): Promise<TokenIdentity | undefined>;
  /** Why Slack refuses a token: its word for it. */
  refusal(token: string): string | undefined;
  /** Told that Slack refused a token: it is asked about until that is over. */
  refused(token: string, error: string): void;
  stop(): void;
}

export interface IdentitiesParts {
  readonly api: Pick<WebApi, "call">;
  /** Whom is asked: what a stand-in says is not believed of Slack. */
  readonly baseUrl: string;
  readonly state: ChannelState;
  readonly log: Log;
}

const KEPT_MS = 90 * 24 * 60 * 60_000;
const CALL_MS = 10_000;
const ASK_AGAIN_MS = 60_000;

/** What an operator has to put right. https://docs.slack.dev/reference/methods/auth.test#errors */
const REFUSALS: ReadonlySet<string> = new Set([
  "invalid_auth",
  "not_authed",
  "account_inactive",
  "token_revoked",
  "token_expired",
  "not_allowed_token_type",
]);

export const createIdentities = ({ api, baseUrl, state, log }: IdentitiesParts): Identities => {
  const known = new Map<string, TokenIdentity>();
  const refusals = new Map<string, string>();
  const asking = new Map<string, Promise<TokenIdentity | undefined>>();
  const stopped = new AbortController();

  // The token itself is a secret, and keys are not encrypted.
  const keyOf = (token: string): string =>
    `identity/${createHash("sha256").update(`${baseUrl}\n${token}`).digest("hex").slice(0, 32)}`;

  const ask = async (token: string): Promise<TokenIdentity | undefined> => {
    const deadline = createDeadline(CALL_MS, stopped.signal);
    const outcome = await api.call(token, "auth.test", {}, deadline.signal).finally(deadline.clear);
    if (outcome.kind === "error" && REFUSALS.has(outcome.error)) {
      refuse(token, outcome.error);
      return undefined;
    }
    const identity = outcome.kind === "ok" ? readIdentity(outcome.body) : undefined;
    if (!identity) throw new Error(`slack auth.test failed: ${describe(outcome)}`);
    known.set(token, identity);
    refusals.delete(token);
    await state.put(keyOf(token), JSON.stringify(identity), KEPT_MS);
    return identity;
  };

  const askOnce = (token: string): Promise<TokenIdentity | undefined> => {
    const underWay = asking.get(token);
    if (underWay) return underWay;
    const answer = ask(token).finally(() => asking.delete(token));
    asking.set(token, answer);
    return answer;
  };

  const refuse = (token: string, error: string): void => {
    if (refusals.has(token)) return;
    refusals.set(token, error);
    known.delete(token);
    log.error({ channel: CHANNEL, error, alert: "slack_token_refused" }, "Slack refuses a token");
    void askUntilGood(token);
  };

  const askUntilGood = async (token: string): Promise<void> => {
    while (refusals.has(token) && !stopped.signal.aborted) {
      const pause = { signal: stopped.signal, ref: false };
      await setTimeout(ASK_AGAIN_MS, undefined, pause).catch(() => {});
      if (!stopped.signal.aborted) await askOnce(token).catch(() => {});
    }
  };

  return {
    known: (token) => known.get(token),
    refusal: (token) => refusals.get(token),
    refused: (token, error) => {
      if (REFUSALS.has(error)) refuse(token, error);
    },
    of: async (token) => {
      const found = known.get(token);
      if (found) return found;
      if (refusals.has(token)) return undefined;
      const kept = readIdentity(readObject((await state.get(keyOf(token)))?.value ?? ""));
      if (kept) {
        known.set(token, kept);
        return kept;
      }
      return askOnce(token);
    },
    stop: () => stopped.abort(),
  };
};

/** The same names as `auth.test` has them, so that its answer and what is kept are read alike. */
const readIdentity = (body: JsonObject | undefined): TokenIdentity | undefined => {
  const teamId = textIn(body, "team_id") ?? textIn(body, "teamId");
  const userId = textIn(body, "user_id") ?? textIn(body, "userId");
  const enterpriseId = textIn(body, "enterprise_id") ?? textIn(body, "enterpriseId");
  if (!isSlackId(teamId) || !isSlackId(userId)) return undefined;
  return {
    teamId,
    userId,
    botId: textIn(body, "bot_id") ?? textIn(body, "botId") ?? "",
    isEnterprise: isTrue(body, "is_enterprise_install") || isTrue(body, "isEnterprise"),
    ...(isSlackId(enterpriseId) && { enterpriseId }),
  };
};
