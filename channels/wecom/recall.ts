import type { RecallOutcome } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { describe } from "./access-token.ts";
import type { ApiResult } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import { CHANNEL, type WecomApp } from "./types.ts";

/** What one application has sent and could take back: the platform's ids of messages, by part. */
export interface Recalls {
  /** Remembers what `message/send` answered for a part that arrived. Never throws. */
  keep(partId: string, answer: Readonly<Record<string, unknown>>): Promise<void>;
  /** Never throws. */
  recall(partId: string, signal: AbortSignal): Promise<RecallOutcome>;
}

export interface RecallsOptions {
  readonly app: WecomApp;
  readonly state: ChannelState;
  readonly log: Log;
  /** A POST of the API with the application's access token. Never throws. */
  readonly post: (path: string, json: object, signal: AbortSignal) => Promise<ApiResult>;
}

/** https://developer.work.weixin.qq.com/document/path/94867 */
const RECALLED_WITHIN_MS = 24 * 60 * 60_000;

export const createRecalls = ({ app, state, log, post }: RecallsOptions): Recalls => {
  const keyOf = (partId: string): string => `sent/${app.corp_id}/${app.agent_id}/${partId}`;
  return {
    keep: async (partId, { msgid }) => {
      if (typeof msgid !== "string" || msgid === "") return;
      try {
        await state.put(keyOf(partId), msgid, RECALLED_WITHIN_MS);
      } catch (err) {
        // It has arrived all the same, and hardly any message is ever taken back.
        log.warn({ channel: CHANNEL, partId, err }, "sent, but cannot be recalled: id not kept");
      }
    },

    recall: async (partId, signal) => {
      try {
        const kept = await state.get(keyOf(partId));
        if (!kept) return { kind: "impossible", reason: "sent over 24 h ago, or without an id" };
        const result = await post("/cgi-bin/message/recall", { msgid: kept.value }, signal);
        if (result.kind !== "answered") return failed(result);
        if (result.errcode !== 0) {
          const isPermanent = ["bug", "configuration"].includes(kindOfError(result.errcode));
          return { ...failed(result), ...(isPermanent && { kind: "impossible" }) };
        }
        await state.forget(keyOf(partId));
        return { kind: "recalled" };
      } catch {
        return { kind: "failed", reason: "the store is away" };
      }
    },
  };
};

const failed = (result: ApiResult) =>
  ({ kind: "failed", reason: `message/recall: ${describe(result)}` }) as const;
