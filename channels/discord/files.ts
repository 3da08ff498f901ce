import { AttachmentError } from "../../core/contract/errors.ts";
import type { Attachment, ReplyTarget } from "../../core/contract/message.ts";
import { cappedBody } from "../capped-body.ts";
import { type AttachmentRef, readRef } from "./attachment-ref.ts";
import { isPayload, objectsIn, textIn } from "./payload.ts";
import type { Rest } from "./rest.ts";

export interface FilesParts {
  readonly rest: Rest;
  readonly fetch: typeof globalThis.fetch;
  /** Its origin may serve files as well. */
  readonly apiBaseUrl: string;
}

/** Where Discord keeps what people send. https://discord.com/developers/docs/reference#cdn-formatting */
const HOSTS: ReadonlySet<string> = new Set(["cdn.discordapp.com", "media.discordapp.net"]);
/** More than that nobody reads here, whatever a server allows its members. */
const MAX_BYTES = 25 * 2 ** 20;
const TIMEOUT_MS = 60_000;

/**
 * Opens what people attached. Addresses are signed and die after about a day; then the message is
 * asked for a new one. No token goes along: the host is another one. Throws AttachmentError.
 */
export const createFiles = ({ rest, fetch, apiBaseUrl }: FilesParts) => {
  const { origin } = new URL(apiBaseUrl);

  const isAllowed = (address: string): boolean => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url?.username !== "" || url.password !== "") return false;
    return (url.protocol === "https:" && HOSTS.has(url.host)) || url.origin === origin;
  };

  const get = async (address: string, signal: AbortSignal): Promise<Response> => {
    if (!isAllowed(address)) throw new AttachmentError("refused", "attachment: host not allowed");
    try {
      return await fetch(address, { redirect: "manual", signal });
    } catch {
      // Without the cause: it may name the address, which is as good as a key.
      throw new AttachmentError("unreachable", "attachment: no connection, or it broke");
    }
  };

  const renewed = async (ref: AttachmentRef, signal: AbortSignal): Promise<string> => {
    const { channelId, messageId, id } = ref;
    if (channelId === undefined || messageId === undefined) {
      throw new AttachmentError("expired", "attachment: its address has expired");
    }
    const route = `/channels/${channelId}/messages/${messageId}`;
    const outcome = await rest.request("GET", route, { signal });
    if (outcome.kind !== "ok") {
      const isGone = outcome.kind === "failed";
      throw new AttachmentError(isGone ? "expired" : "unreachable", `${outcome.kind}: get message`);
    }
    const message = isPayload(outcome.body) ? outcome.body : undefined;
    const file = objectsIn(message, "attachments").find((found) => found.id === id);
    const url = textIn(file, "url");
    if (url === undefined) throw new AttachmentError("expired", "attachment: no longer there");
    return url;
  };

  return async (
    _target: ReplyTarget,
    { ref: written }: Attachment,
    parent: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> => {
    const ref = readRef(written);
    if (!ref) throw new AttachmentError("refused", "attachment: no reference of this channel");
    const signal = withTimeout(parent);
    let response = await get(ref.url, signal);
    if (response.status === 404 || response.status === 403) {
      await response.body?.cancel();
      response = await get(await renewed(ref, signal), signal);
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      const reason = response.status >= 500 ? "unreachable" : "expired";
      throw new AttachmentError(reason, `attachment: HTTP ${response.status}`);
    }
    return cappedBody(response, MAX_BYTES, "attachment");
  };
};

/** Ends with its parent, or when it takes too long. */
const withTimeout = (parent: AbortSignal): AbortSignal => {
  const controller = new AbortController();
  const abort = () => controller.abort();
  setTimeout(() => {
    parent.removeEventListener("abort", abort);
    abort();
  }, TIMEOUT_MS).unref();
  parent.addEventListener("abort", abort, { once: true });
  if (parent.aborted) abort();
  return controller.signal;
};
