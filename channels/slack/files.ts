import type { OutboundPart } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { type ApiOutcome, failed, limited, readStatus } from "./api-outcome.ts";
import { isOurHost } from "./hosts.ts";
import { isPage, type Post } from "./http.ts";
import { type JsonObject, objectsIn, textIn } from "./json.ts";
import type { Outgoing } from "./outgoing.ts";

/** Hands files over, each in a message of its own. */
export interface Files {
  /** Uploads the file and shows it in `channelId`. `call` is bound to the workspace. */
  send(file: OutgoingPart, where: Where, call: Ask, signal: AbortSignal): Promise<ApiOutcome>;
  /** Tells the message that shows an earlier try to send it; undefined where none can be there. */
  isShown(partId: string): Promise<((message: JsonObject) => boolean) | undefined>;
}

type Ask = (method: string, args: object) => Promise<ApiOutcome>;

interface OutgoingPart {
  readonly part: Pick<OutboundPart, "id">;
  readonly file: Extract<Outgoing, { readonly kind: "file" }>;
}

interface Where {
  readonly channelId: string;
  readonly threadTs?: string | undefined;
}

/** As long as the part may still be tried to be sent. */
const REMEMBERED_FOR_MS = 25 * 60 * 60_000;

export const createFiles = (parts: {
  readonly state: ChannelState;
  readonly baseUrl: string;
  readonly post: Post;
}): Files => {
  const { state, baseUrl, post } = parts;
  const keyOf = (partId: string): string => `file/${partId}`;

  const upload = async (url: string, bytes: Buffer, signal: AbortSignal): Promise<ApiOutcome> => {
    const address = URL.canParse(url) ? new URL(url) : undefined;
    if (!address || !isOurHost(address, baseUrl)) {
      return { kind: "error", error: "upload_url_not_slack", body: {} };
    }
    const headers = { "content-type": "application/octet-stream" };
    try {
      const answer = await post({ url: address, headers, body: bytes }, signal);
      const { status, retryAfter } = answer;
      if (status === 429) return limited(retryAfter);
      if (status < 200 || status >= 300) return readStatus(status);
      return isPage(answer)
        ? { kind: "lost", reason: "a page in place of an answer" }
        : { kind: "ok", body: {} };
    } catch (error) {
      return failed(error);
    }
  };

  return {
    // https://docs.slack.dev/messaging/working-with-files#uploading_files
    send: async ({ part, file }, { channelId, threadTs }, call, signal) => {
      const bytes = Buffer.from(file.data, "base64");
      const place = { filename: file.name, length: bytes.length };
      const prepared = await call("files.getUploadURLExternal", place);
      if (prepared.kind !== "ok") return unseen(prepared);
      const id = textIn(prepared.body, "file_id");
      const url = textIn(prepared.body, "upload_url");
      if (id === undefined || url === undefined) {
        return { kind: "unreachable", reason: "files.getUploadURLExternal: no place to upload to" };
      }
      const uploaded = await upload(url, bytes, signal);
      if (uploaded.kind !== "ok") return unseen(uploaded);
      // Before anybody can see it, so that an unknown outcome can be looked up.
      await state.put(keyOf(part.id), id, REMEMBERED_FOR_MS);
      return call("files.completeUploadExternal", {
        files: [{ id, title: file.name }],
        channel_id: channelId,
        thread_ts: threadTs,
      });
    },

    isShown: async (partId) => {
      const known = await state.get(keyOf(partId));
      if (!known) return undefined;
      return (message) => objectsIn(message, "files").some((file) => file.id === known.value);
    },
  };
};

/** Whatever became of it, nobody has seen anything yet. */
const unseen = (outcome: ApiOutcome): ApiOutcome =>
  outcome.kind === "lost" ? { kind: "unreachable", reason: outcome.reason } : outcome;
