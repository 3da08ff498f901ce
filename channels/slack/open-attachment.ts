import { AttachmentError } from "../../core/contract/errors.ts";
import type { Attachment } from "../../core/contract/message.ts";
import { cappedBody } from "../capped-body.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";
import type { FileRef } from "./attachments.ts";
import { isOurHost } from "./hosts.ts";
import { objectIn, readObject, textIn } from "./json.ts";
import { isSlackId } from "./types.ts";

/** Of anything that a person can send. */
const MAX_BYTES = 20 * 2 ** 20;
const MAX_REDIRECTS = 3;

export interface AttachmentParts {
  readonly baseUrl: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly ask: (method: string, args: object) => Promise<ApiOutcome>;
}

/**
 * The bytes of a file that came with a message. Throws AttachmentError. The token goes to Slack's
 * hosts only, whoever redirects there.
 * @see https://docs.slack.dev/reference/objects/file-object#authentication
 */
export const openFile = async (
  { ref, sizeBytes }: Attachment,
  parts: AttachmentParts,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> => {
  if ((sizeBytes ?? 0) > MAX_BYTES) {
    throw new AttachmentError("too_large", `slack file: more than ${MAX_BYTES} bytes`);
  }
  const url = await urlOf(ref, parts);
  const response = await download(url, parts, signal);
  return cappedBody(response, MAX_BYTES, "slack file");
};

/** In rooms that several organisations share, a message names the file only. */
const urlOf = async (ref: string, { ask }: AttachmentParts): Promise<string> => {
  const { id, url } = readRef(ref);
  if (url !== undefined) return url;
  const outcome = await ask("files.info", { file: id });
  const file = outcome.kind === "ok" ? objectIn(outcome.body, "file") : undefined;
  const found = textIn(file, "url_private_download") ?? textIn(file, "url_private");
  if (found !== undefined) return found;
  const isGone = outcome.kind === "error" && /^file_(?:not_found|deleted)$/.test(outcome.error);
  const reason = isGone ? "expired" : outcome.kind === "error" ? "refused" : "unreachable";
  throw new AttachmentError(reason, `slack files.info: ${describe(outcome)}`);
};

const readRef = (ref: string): FileRef => {
  const object = readObject(ref);
  const id = textIn(object, "id");
  const url = textIn(object, "url");
  if (!isSlackId(id)) throw new AttachmentError("refused", "slack file: no reference");
  return { id, ...(url !== undefined && { url }) };
};

const download = async (
  first: string,
  { baseUrl, token, timeoutMs }: AttachmentParts,
  signal: AbortSignal,
): Promise<Response> => {
  let address = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (!url || !isOurHost(url, baseUrl)) {
      throw new AttachmentError("refused", "slack file: it lies at a host that is not Slack's");
    }
    const response = await get(url, token, timeoutMs, signal);
    const next = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || next === null) return judged(response);
    await response.body?.cancel();
    address = new URL(next, url).href;
  }
  throw new AttachmentError("refused", "slack file: redirected too often");
};

const get = async (
  url: URL,
  token: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Response> => {
  const deadline = new AbortController();
  const abort = () => deadline.abort();
  // Until there is an answer; how long the bytes take depends on how many they are.
  const timer = setTimeout(abort, timeoutMs);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const headers = { authorization: `Bearer ${token}` };
    return await fetch(url, { redirect: "manual", headers, signal: deadline.signal });
  } catch {
    throw new AttachmentError("unreachable", "slack file: no connection, or it broke");
  } finally {
    clearTimeout(timer);
  }
};

/** Without a good token there is a page to log in at, with status 200. */
const judged = async (response: Response): Promise<Response> => {
  const { status, headers } = response;
  const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
  const isFile = /^\s*(?:attachment|inline)\b/i.test(headers.get("content-disposition") ?? "");
  if (status === 200 && (!isPage || isFile)) return response;
  await response.body?.cancel();
  if (status === 200) {
    throw new AttachmentError("refused", "slack file: a page to log in at; is files:read granted?");
  }
  const isGone = status === 404 || status === 410;
  const reason = isGone ? "expired" : status >= 500 || status === 429 ? "unreachable" : "refused";
  throw new AttachmentError(reason, `slack file: HTTP ${status}`);
};
