import { createHash } from "node:crypto";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError } from "../../core/contract/errors.ts";
import { cappedBody } from "../capped-body.ts";
import { createDeadline, type Deadline } from "../deadline.ts";
import { describe } from "./access-token.ts";
import type { ApiResult, CallApi, Fetch } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import type { Outgoing } from "./outgoing.ts";
import type { WecomApp } from "./types.ts";

/** Files of one application, in and out. */
export interface Media {
  /** The id that a message can name the file by; `isFresh` makes a new one of what was uploaded. */
  upload(
    file: OutgoingMedia,
    token: string,
    isFresh: boolean,
    signal: AbortSignal,
  ): Promise<Uploaded>;
  /** The bytes behind a media id. Throws AttachmentError where they are too many. */
  download(mediaId: string, token: string, signal: AbortSignal): Promise<Downloaded>;
}

type OutgoingMedia = Extract<Outgoing, { readonly kind: "file" }>;

export type Uploaded =
  | { readonly isUploaded: true; readonly mediaId: string }
  | { readonly isUploaded: false; readonly result: ApiResult };

export type Downloaded =
  | { readonly isOpen: true; readonly bytes: ReadableStream<Uint8Array> }
  | { readonly isOpen: false; readonly result: ApiResult };

export interface MediaOptions {
  readonly app: WecomApp;
  readonly call: CallApi;
  readonly fetch: Fetch;
  readonly state: ChannelState;
  /** Longest that one call may take; a file may take three times as long. */
  readonly timeoutMs: number;
}

// The platform keeps a file for three days; what is sent late in them must still be there.
// https://developer.work.weixin.qq.com/document/path/90253
const REUSED_FOR_MS = 2.5 * 24 * 60 * 60_000;
/** Of anything that a member can send. */
const MAX_DOWNLOAD_BYTES = 20 * 2 ** 20;
const MAX_ERROR_BYTES = 64 * 1024;

export const createMedia = ({ app, call, fetch, state, timeoutMs }: MediaOptions): Media => ({
  async upload(file, token, isFresh, signal) {
    const bytes = Buffer.from(file.data, "base64");
    // All applications of a corp may use it; the name is shown to people, so it is part of it.
    const hash = createHash("sha256").update(`${file.name}\0`).update(bytes).digest("base64url");
    const key = `media/${app.corp_id}/${file.type}/${hash}`;
    const known = isFresh ? undefined : await state.get(key);
    if (known) return { isUploaded: true, mediaId: known.value };
    const form = new FormData();
    form.append("media", new Blob([bytes]), file.name);
    const query = { access_token: token, type: file.type };
    const result = await call({ path: "/cgi-bin/media/upload", query, form }, signal);
    const mediaId = result.kind === "answered" && result.errcode === 0 && result.body.media_id;
    if (typeof mediaId !== "string" || mediaId === "") return { isUploaded: false, result };
    await state.put(key, mediaId, REUSED_FOR_MS);
    return { isUploaded: true, mediaId };
  },

  async download(mediaId, token, signal) {
    const query = new URLSearchParams({ access_token: token, media_id: mediaId });
    const url = `${app.api_base_url.replace(/\/+$/, "")}/cgi-bin/media/get?${query}`;
    // Somebody waits for an answer meanwhile.
    const deadline = createDeadline(3 * timeoutMs, signal);
    let opened: ReadableStream<Uint8Array> | undefined;
    try {
      const response = await fetch(url, { redirect: "manual", signal: deadline.signal });
      if (!isFile(response)) return { isOpen: false, result: await refusalIn(response) };
      opened = await cappedBody(response, MAX_DOWNLOAD_BYTES, "media/get");
      return { isOpen: true, bytes: ReadableStream.from(chunksOf(opened, deadline)) };
    } catch (error) {
      if (error instanceof AttachmentError) throw error;
      // The cause may name the URL, and the token is in it.
      return { isOpen: false, result: { kind: "lost", reason: "no connection, or it broke" } };
    } finally {
      if (!opened) deadline.clear();
    }
  },
});

/** What arrives until the deadline, which is cleared at the end. Throws AttachmentError. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (error instanceof AttachmentError) throw error;
    throw new AttachmentError("unreachable", "media/get: broke off, or took too long");
  } finally {
    deadline.clear();
  }
}

/** What a person is told of a download that did not open. */
export const attachmentError = (result: ApiResult): AttachmentError => {
  const message = `media/get: ${describe(result)}`;
  if (result.kind === "rejected") return new AttachmentError("refused", message);
  if (result.kind !== "answered") return new AttachmentError("unreachable", message);
  // 40007: the media id is unknown, or its three days are over.
  if (result.errcode === 40007) return new AttachmentError("expired", message);
  const kind = kindOfError(result.errcode);
  const isPassing = kind === "busy" || kind === "limit" || kind === "token";
  return new AttachmentError(isPassing ? "unreachable" : "refused", message);
};

/** An error is HTTP 200 too, with JSON or as a page; a file may be such a text as well, but it has a disposition. */
const isFile = ({ status, headers }: Response): boolean =>
  status === 200 &&
  (headers.has("content-disposition") || !/json|^text\//.test(headers.get("content-type") ?? ""));

const refusalIn = async ({ status, body }: Response): Promise<ApiResult> => {
  const text = await readUpTo(body, MAX_ERROR_BYTES);
  const errcode = /"errcode"\s*:\s*(-?\d{1,9})/.exec(text)?.[1];
  return errcode === undefined
    ? { kind: "rejected", status }
    : { kind: "answered", errcode: Number(errcode), hint: "", body: {} };
};

const readUpTo = async (
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8");
};
