import { createHash } from "node:crypto";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import { textIn } from "../bot/json.ts";
import type { Outgoing } from "../outgoing.ts";
import type { Request, Sent } from "./connection.ts";

type OutgoingMedia = Extract<Outgoing, { readonly kind: "file" }>;

type Uploaded =
  | { readonly kind: "uploaded"; readonly mediaId: string }
  /** One too many for now. */
  | { readonly kind: "paced"; readonly afterMs: number }
  /** Nobody has seen anything of it. */
  | { readonly kind: "failed"; readonly sent: Exclude<Sent, { kind: "lost" }> };

/** Hands a file to the platform; `isFresh` does so although it was handed over before. */
export type Upload = (
  file: OutgoingMedia,
  isFresh: boolean,
  request: Request,
  signal: AbortSignal,
) => Promise<Uploaded>;

/** https://developer.work.weixin.qq.com/document/path/101463 */
const CHUNK_BYTES = 512 * 1024;
// The vendor's comment says that chunks are counted from 1; its own client counts from 0.
const FIRST_CHUNK = 0;
// The platform keeps a file for three days; what is sent late in them must still be there.
const REUSED_FOR_MS = 2.5 * 24 * 60 * 60_000;

/** @param reserve 0: go ahead, and it counts; otherwise how long to wait, in milliseconds */
export const createUpload =
  (state: ChannelState, botId: string, reserve: () => Promise<number>): Upload =>
  async (file, isFresh, request, signal) => {
    const bytes = Buffer.from(file.data, "base64");
    const hash = createHash("sha256").update(`${file.name}\0`).update(bytes).digest("base64url");
    const key = `bot-link/${botId}/media/${file.type}/${hash}`;
    const known = isFresh ? undefined : await state.get(key);
    if (known) return { kind: "uploaded", mediaId: known.value };

    const afterMs = await reserve();
    if (afterMs > 0) return { kind: "paced", afterMs };
    const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
    const begun = await request("aibot_upload_media_init", {
      type: file.type,
      filename: file.name,
      total_size: bytes.length,
      total_chunks: chunks,
      md5: createHash("md5").update(bytes).digest("hex"),
    });
    const uploadId = idIn(begun, "upload_id");
    if (uploadId === undefined) return failed(begun);
    for (let index = 0; index < chunks; index += 1) {
      if (signal.aborted) return failed({ kind: "unsent", reason: "upload: aborted" });
      const chunk = bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      const sent = await request("aibot_upload_media_chunk", {
        upload_id: uploadId,
        chunk_index: FIRST_CHUNK + index,
        base64_data: chunk.toString("base64"),
      });
      if (sent.kind !== "acknowledged" || sent.errcode !== 0) return failed(sent);
    }
    const finished = await request("aibot_upload_media_finish", { upload_id: uploadId });
    const mediaId = idIn(finished, "media_id");
    if (mediaId === undefined) return failed(finished);
    await state.put(key, mediaId, REUSED_FOR_MS);
    return { kind: "uploaded", mediaId };
  };

const idIn = (sent: Sent, name: string): string | undefined => {
  if (sent.kind !== "acknowledged" || sent.errcode !== 0) return undefined;
  return textIn(sent.body, name) || undefined;
};

const failed = (sent: Sent): Uploaded => {
  if (sent.kind === "lost") {
    return { kind: "failed", sent: { kind: "unsent", reason: sent.reason } };
  }
  // All is well and yet there is no id: try again another time.
  if (sent.kind === "acknowledged" && sent.errcode === 0) {
    return { kind: "failed", sent: { kind: "unsent", reason: "upload: an answer without its id" } };
  }
  return { kind: "failed", sent };
};
