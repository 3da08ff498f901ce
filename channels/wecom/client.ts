import type { OutboundPart, RecallOutcome, SendOutcome } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createAccessToken, describe } from "./access-token.ts";
import { type ApiRequest, type ApiResult, createApi, type Fetch } from "./api.ts";
import { createPausingApi } from "./api-pauses.ts";
import type { Ask } from "./contacts.ts";
import { kindOfError } from "./errcodes.ts";
import { attachmentError, createMedia } from "./media.ts";
import { fromBody, type LinkCardType, type Outgoing } from "./outgoing.ts";
import { createPace, createSharedPace } from "./pace.ts";
import { createRecalls } from "./recall.ts";
import { CHANNEL, isUserId, type WecomApp } from "./types.ts";
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

const SEND = "/cgi-bin/message/send";
const DUPLICATE_CHECK_S = 1800;
const LIMIT_PAUSE_MS = 60_000;
const CONFIGURATION_PAUSE_MS = 60_000;
const BUSY_MS = [1_000, 5_000, 15_000, 60_000] as const;

export const createWecomClient = (options: WecomClientOptions): WecomClient => {
  const { app, now, log, state } = options;
  const { fetch, timeoutMs } = options;
  const bareCall = createApi({
    ...{ baseUrl: app.api_base_url, fetch, timeoutMs, metrics: options.metrics },
  });
  const { call, pauseOf } = createPausingApi(bareCall, now);
  const accessToken = createAccessToken({ ...options, call: bareCall });
  const pace = options.isAlone
    ? createPace(now)
    : createSharedPace(state, `pace/${app.corp_id}/${app.agent_id}`, now);
  const media = createMedia({ ...options, call });

  // Spread out: what was refused for coming all at once must not come back all at once.
  const busyMs = (attempt: number): number => {
    const waitMs = BUSY_MS[Math.min(attempt, BUSY_MS.length) - 1] ?? BUSY_MS[0];
    return Math.round(waitMs * (0.5 + options.random()));
  };

  const outcomeOf = ({ api, result }: Called, part: OutboundPart): SendOutcome => {
    const reason = `${api}: ${describe(result)}`;
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
    if (result.kind === "paused") return retry(result.afterMs, reason);
    if (result.kind === "rejected") {
      alarm("wecom_api_not_found");
      return retry(CONFIGURATION_PAUSE_MS, reason);
    }
    if (result.errcode === 0) return deliveryOf(result.body);
    switch (kindOfError(result.errcode)) {
      case "busy":
        return retry(busyMs(part.attempt), reason);
      case "limit":
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

  const sendMessage = async (
    message: object,
    token: string,
    part: OutboundPart,
    signal: AbortSignal,
  ): Promise<Called> => {
    const result = (await notYet(part)) ?? (await postMessage(message, token, part, signal));
    if (result.kind === "answered" && result.errcode === 0)
      await recalls.keep(part.id, result.body);
    return { api: "message/send", result };
  };

  const notYet = async ({ target }: OutboundPart): Promise<ApiResult | undefined> => {
    const pause = pauseOf(SEND);
    if (pause) return pause;
    const afterMs = await pace.reserve(target.address.toLowerCase());
    const reason = "as much as one person may get for now";
    return afterMs > 0 ? { kind: "paused", afterMs, reason } : undefined;
  };

  const postMessage = (
    message: object,
    token: string,
    part: OutboundPart,
    signal: AbortSignal,
  ): Promise<ApiResult> =>
    call(
      {
        path: SEND,
        query: { access_token: token },
        json: {
          touser: part.target.address,
          agentid: Number(app.agent_id),
          ...message,
          // Makes trying again harmless when the outcome of an earlier try is unknown. Where the
          // same text is meant to be seen twice, the check would swallow the second.
          ...(part.isRepeat
            ? { enable_duplicate_check: 0 }
            : { enable_duplicate_check: 1, duplicate_check_interval: DUPLICATE_CHECK_S }),
        },
      },
      signal,
    );

  const updateCard = async (
    card: object,
    token: string,
    { target }: OutboundPart,
    signal: AbortSignal,
  ): Promise<Called> => ({
    api: "message/update_template_card",
    result: await call(
      {
        path: "/cgi-bin/message/update_template_card",
        query: { access_token: token },
        json: {
          userids: [target.address],
          agentid: Number(app.agent_id),
          response_code: target.cardToken,
          template_card: card,
        },
      },
      signal,
    ),
  });

  const sendFile = async (
    file: Extract<Outgoing, { kind: "file" }>,
    token: string,
    part: OutboundPart,
    signal: AbortSignal,
    isFresh = false,
  ): Promise<Called> => {
    const uploaded = await media.upload(file, token, isFresh, signal);
    if (!uploaded.isUploaded) {
      const { result } = uploaded;
      // Nobody has seen anything of it yet.
      const isLost = result.kind === "lost";
      return {
        api: "media/upload",
        result: isLost ? { kind: "unreachable", reason: result.reason } : result,
      };
    }
    const body = { media_id: uploaded.mediaId, ...(file.type === "video" && { title: file.name }) };
    const called = await sendMessage(
      { msgtype: file.type, [file.type]: body },
      token,
      part,
      signal,
    );
    return isMediaGone(called.result) && !isFresh
      ? sendFile(file, token, part, signal, true)
      : called;
  };

  const post = (token: string, part: OutboundPart, signal: AbortSignal): Promise<Called> => {
    const outgoing = fromBody(part.body);
    if (outgoing.kind === "file") return sendFile(outgoing, token, part, signal);
    return outgoing.kind === "card" && part.target.cardToken !== undefined
      ? updateCard(outgoing.card, token, part, signal)
      : sendMessage(messageOf(outgoing), token, part, signal);
  };

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
    ...{ app, state, log },
    post: (path, json, signal) => callGranted({ path, query: {}, json }, signal),
  });

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

/** What goes into a message as it is, without anything being uploaded. */
const messageOf = (outgoing: Exclude<Outgoing, { kind: "file" }>): object => {
  switch (outgoing.kind) {
    case "text":
      return { msgtype: "text", text: { content: outgoing.text } };
    case "markdown":
      return { msgtype: "markdown", markdown: { content: outgoing.text } };
    case "card":
      return cardMessage(outgoing.type ?? "template_card", outgoing.card);
  }
};

const cardMessage = (type: LinkCardType | "template_card", card: object): object => ({
  msgtype: type,
  [type]: card,
});

/** Which call of the API decided, and how. */
interface Called {
  readonly api: string;
  readonly result: ApiResult;
}

/** The platform has forgotten the file earlier than it promised. */
const isMediaGone = (result: ApiResult): boolean =>
  result.kind === "answered" && result.errcode === 40007;

const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs,
  reason,
});

/** With errcode 0 the one receiver may still be among those who got nothing. */
const deliveryOf = (body: Readonly<Record<string, unknown>>): SendOutcome => {
  for (const list of ["invaliduser", "unlicenseduser"]) {
    if (typeof body[list] === "string" && body[list] !== "") {
      return { kind: "refused", reason: `message/send: receiver is in ${list}` };
    }
  }
  return { kind: "delivered" };
};
