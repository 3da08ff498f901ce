import type { OutboundPart, SendOutcome } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import { createAccessToken, describe, type TokenResult } from "./access-token.ts";
import { type ApiResult, type CallApi, createApi, type Fetch } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import { createPace } from "./pace.ts";
import { CHANNEL, isUserId, type WecomApp } from "./types.ts";

/** Sends text to the members of one application. */
export interface WecomClient {
  /** Never throws. */
  sendText(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
}

export interface WecomClientOptions {
  readonly app: WecomApp;
  readonly fetch: Fetch;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Longest that one call may take. */
  readonly timeoutMs: number;
}

const DUPLICATE_CHECK_S = 1800;
const LIMIT_PAUSE_MS = 60_000;
const CONFIGURATION_PAUSE_MS = 60_000;
const BUSY_MS = [1_000, 5_000, 15_000, 60_000] as const;

export const createWecomClient = (options: WecomClientOptions): WecomClient => {
  const { app, now, log } = options;
  const call: CallApi = createApi({
    baseUrl: app.api_base_url,
    fetch: options.fetch,
    timeoutMs: options.timeoutMs,
  });
  const accessToken = createAccessToken({ ...options, call });
  const pace = createPace(now);
  let pausedUntil = 0;

  const outcomeOf = (result: ApiResult, part: OutboundPart): SendOutcome => {
    const reason = `message/send: ${describe(result)}`;
    const alarm = (alert: string): void =>
      log.error(
        {
          channel: CHANNEL,
          corpId: app.corp_id,
          agentId: app.agent_id,
          partId: part.id,
          reason,
          alert,
        },
        "WeCom refuses to send; the errcode says what an operator or we have to change",
      );
    if (result.kind === "unreachable") return retry(BUSY_MS[1], reason);
    if (result.kind === "lost") return { kind: "unknown", reason };
    if (result.kind === "rejected") {
      alarm("wecom_api_not_found");
      return retry(CONFIGURATION_PAUSE_MS, reason);
    }
    if (result.errcode === 0) return deliveryOf(result.body);
    switch (kindOfError(result.errcode)) {
      case "busy":
        return retry(BUSY_MS[Math.min(part.attempt, BUSY_MS.length) - 1] ?? BUSY_MS[0], reason);
      case "limit":
        pausedUntil = now().getTime() + LIMIT_PAUSE_MS;
        log.warn(
          { channel: CHANNEL, corpId: app.corp_id, agentId: app.agent_id, reason },
          "WeCom limits us",
        );
        return retry(LIMIT_PAUSE_MS, reason);
      case "token":
        // A fresh token was refused as well: the secret belongs to another application.
        alarm("wecom_token_refused");
        return retry(CONFIGURATION_PAUSE_MS, reason);
      case "receiver":
        return { kind: "refused", reason };
      case "configuration":
        alarm("wecom_configuration");
        return { kind: "refused", reason };
      case "bug":
        alarm("wecom_request_refused");
        return { kind: "refused", reason };
    }
  };

  const post = (token: string, part: OutboundPart, signal: AbortSignal): Promise<ApiResult> =>
    call(
      {
        path: "/cgi-bin/message/send",
        query: { access_token: token },
        json: {
          touser: part.target.address,
          msgtype: "text",
          agentid: Number(app.agent_id),
          text: { content: part.body },
          // Makes trying again harmless when the outcome of an earlier try is unknown. Where the
          // same text is meant to be seen twice, the check would swallow the second.
          ...(part.isRepeat
            ? { enable_duplicate_check: 0 }
            : { enable_duplicate_check: 1, duplicate_check_interval: DUPLICATE_CHECK_S }),
        },
      },
      signal,
    );

  return {
    sendText: async (part, signal) => {
      // An address is one person, never a list and never everybody.
      if (!isUserId(part.target.address)) return { kind: "refused", reason: "no user id" };
      const pausedMs = pausedUntil - now().getTime();
      if (pausedMs > 0) return retry(pausedMs, "message/send: paused after errcode 45009");
      const first = await orAborted(accessToken.get(), signal);
      if (!first.isGranted) return retry(first.afterMs, first.reason);
      const waitMs = pace.reserve(part.target.address.toLowerCase());
      if (waitMs > 0) return retry(waitMs, "message/send: as much as one person may get for now");
      const result = await post(first.token, part, signal);
      if (!isTokenRefused(result)) return outcomeOf(result, part);
      accessToken.drop(first.token);
      const second = await orAborted(accessToken.get(), signal);
      if (!second.isGranted) return retry(second.afterMs, second.reason);
      return outcomeOf(await post(second.token, part, signal), part);
    },
  };
};

const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs,
  reason,
});

const isTokenRefused = (result: ApiResult): boolean =>
  result.kind === "answered" && kindOfError(result.errcode) === "token";

/** With errcode 0 the one receiver may still be among those who got nothing. */
const deliveryOf = (body: Readonly<Record<string, unknown>>): SendOutcome => {
  for (const list of ["invaliduser", "unlicenseduser"]) {
    if (typeof body[list] === "string" && body[list] !== "") {
      return { kind: "refused", reason: `message/send: receiver is in ${list}` };
    }
  }
  return { kind: "delivered" };
};

/** Waits for the token that others wait for too, but not after our own caller has left. */
const orAborted = (token: Promise<TokenResult>, signal: AbortSignal): Promise<TokenResult> => {
  let leave = () => {};
  const left = new Promise<TokenResult>((resolve) => {
    leave = () => resolve({ isGranted: false, afterMs: 0, reason: "aborted before the call" });
  });
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([token, left]).finally(() => signal.removeEventListener("abort", leave));
};
