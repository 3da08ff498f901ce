import type { OutboundPart } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { ApiResult, CallApi } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import type { WecomApp } from "./types.ts";

/** Puts a card in the place of the one that was clicked. Never throws. */
export type UpdateCard = (
  card: object,
  token: string,
  part: OutboundPart,
  signal: AbortSignal,
) => Promise<ApiResult>;

// As long as the outbox tries.
const KEPT_MS = 25 * 60 * 60_000;

/**
 * The code of a click changes its card once: what is refused after a try whose answer was lost was
 * done by that try.
 * @see https://developer.work.weixin.qq.com/document/path/94888
 */
export const createUpdateCard = ({
  app,
  call,
  state,
}: {
  readonly app: WecomApp;
  readonly call: CallApi;
  readonly state: ChannelState;
}): UpdateCard => {
  const update: UpdateCard = (card, token, { target }, signal) =>
    call(
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
    );

  return async (card, token, part, signal) => {
    const key = `card-change/${part.id}`;
    try {
      const wasUnsure = !(await state.putIfAbsent(key, "", KEPT_MS));
      const result = await update(card, token, part, signal);
      if (wasUnsure) return isSpent(result) ? DONE : result;
      // The mark stays for what may have been done, and for a process that ends in the middle.
      const isDone = result.kind === "answered" && result.errcode === 0;
      if (!isDone && result.kind !== "lost") await state.forget(key);
      return result;
    } catch {
      return { kind: "unreachable", reason: "the store is away" };
    }
  };
};

/** Refused for a reason of its own: which errcode says that a code was used is not documented. */
const isSpent = (result: ApiResult): boolean =>
  result.kind === "answered" && kindOfError(result.errcode) === "bug";

const DONE: ApiResult = { kind: "answered", errcode: 0, hint: "", body: {} };
