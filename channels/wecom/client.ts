import type { OutboundPart, RecallOutcome, SendOutcome } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createAccessToken } from "./access-token.ts";
import { type ApiRequest, type ApiResult, createApi, type Fetch } from "./api.ts";
import { createPausingApi } from "./api-pauses.ts";
import type { Ask } from "./contacts.ts";
import { attachmentError, createMedia } from "./media.ts";
import { createPace, createSharedPace } from "./pace.ts";
import { createRecalls } from "./recall.ts";
import { createSendCalls } from "./send-calls.ts";
import { createSendOutcome, retry } from "./send-outcome.ts";
import { isUserId, type WecomApp } from "./types.ts";
import { createUpdateCard } from "./update-card.ts";
import { withToken } from "./with-token.ts";

/** Sends to the members of one application, and opens what they sent. */
export interface WecomClient {
  /** Never throws. */
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
  /** A GET of the API with the application's access token. Never throws. */
  readonly ask: Ask;
  /** Takes a part back that this application sent. Never throws. */
  recall(partId: string, signal: AbortSignal): Promise<RecallOutcome>;
  /** Throws AttachmentError. */
  openMedia(mediaId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
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
  readonly state: ChannelState;
  /** No other process sends for this application. Default false. */
  readonly isAlone?: boolean;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

export const createWecomClient = (options: WecomClientOptions): WecomClient => {
  const { app, now, log, state } = options;
  const { fetch, timeoutMs } = options;
  const bareCall = createApi({
    baseUrl: app.api_base_url,
    fetch,
    timeoutMs,
    metrics: options.metrics,
  });
  const api = createPausingApi(bareCall, now);
  const { call } = api;
  const accessToken = createAccessToken({ ...options, call: bareCall });
  const pace = options.isAlone
    ? createPace(now)
    : createSharedPace(state, { corpId: app.corp_id, agent: app.agent_id }, now);
  const media = createMedia({ ...options, call });

  const callGranted = async (request: ApiRequest, signal: AbortSignal): Promise<ApiResult> => {
    const called = await withToken(
      accessToken,
      signal,
      (token) => call({ ...request, query: { ...request.query, access_token: token } }, signal),
      (result) => result,
    );
    return called.isGranted ? called.value : { kind: "unreachable", reason: called.reason };
  };

  const recalls = createRecalls({
    app,
    state,
    log,
    post: (path, json, signal) => callGranted({ path, query: {}, json }, signal),
  });

  const updateCard = createUpdateCard({ app, call, state });
  const post = createSendCalls({ app, api, pace, media, updateCard, taken: recalls.keep });
  const outcomeOf = createSendOutcome(options);

  return {
    send: async (part, signal) => {
      // An address is one person, never a list and never everybody.
      if (!isUserId(part.target.address)) return { kind: "refused", reason: "no user id" };
      const called = await withToken(
        accessToken,
        signal,
        (token) => post(token, part, signal),
        ({ result }) => result,
      );
      return called.isGranted
        ? outcomeOf(called.value, part)
        : retry(called.afterMs, called.reason);
    },

    ask: (path, query, signal) => callGranted({ path, query }, signal),

    recall: recalls.recall,

    openMedia: async (mediaId, signal) => {
      const called = await withToken(
        accessToken,
        signal,
        (token) => media.download(mediaId, token, signal),
        (downloaded) => (downloaded.isOpen ? undefined : downloaded.result),
      );
      if (!called.isGranted)
        throw new AttachmentError("unreachable", `media/get: ${called.reason}`);
      if (!called.value.isOpen) throw attachmentError(called.value.result);
      return called.value.bytes;
    },
  };
};
