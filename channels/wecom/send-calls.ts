import type { OutboundPart } from "../../core/contract/channel.ts";
import type { ApiResult } from "./api.ts";
import type { PausingApi } from "./api-pauses.ts";
import type { Media } from "./media.ts";
import { fromBody, type LinkCardType, type Outgoing } from "./outgoing.ts";
import type { Pace } from "./pace.ts";
import type { WecomApp } from "./types.ts";
import type { UpdateCard } from "./update-card.ts";

/** Which call of the API decided, and how. */
export interface Called {
  readonly api: string;
  readonly result: ApiResult;
}

export interface SendCallsOptions {
  readonly app: WecomApp;
  readonly api: PausingApi;
  readonly pace: Pace;
  readonly media: Media;
  readonly updateCard: UpdateCard;
  /** Told of what the platform took, with its answer. */
  readonly taken: (partId: string, body: Readonly<Record<string, unknown>>) => Promise<void>;
}

const SEND = "/cgi-bin/message/send";
const DUPLICATE_CHECK_S = 1800;

/** Makes the calls that bring a part to its person, and tells of the last one. Never throws. */
export const createSendCalls = ({
  app,
  api: { call, pauseOf },
  pace,
  media,
  updateCard,
  taken,
}: SendCallsOptions): ((
  token: string,
  part: OutboundPart,
  signal: AbortSignal,
) => Promise<Called>) => {
  const sendMessage = async (
    message: object,
    token: string,
    part: OutboundPart,
    signal: AbortSignal,
  ): Promise<Called> => {
    const result = (await notYet(part)) ?? (await postMessage(message, token, part, signal));
    if (result.kind === "answered" && result.errcode === 0) await taken(part.id, result.body);
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

  return async (token, part, signal) => {
    const outgoing = fromBody(part.body);
    if (outgoing.kind === "file") return sendFile(outgoing, token, part, signal);
    if (outgoing.kind === "card" && part.target.cardToken !== undefined) {
      const result = await updateCard(outgoing.card, token, part, signal);
      return { api: "message/update_template_card", result };
    }
    return sendMessage(messageOf(outgoing), token, part, signal);
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

/** The platform has forgotten the file earlier than it promised. */
const isMediaGone = (result: ApiResult): boolean =>
  result.kind === "answered" && result.errcode === 40007;
