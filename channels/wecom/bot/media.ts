import { createDecipheriv } from "node:crypto";
import { isFileHost } from "../../../config/file-host.ts";
import { AttachmentError } from "../../../core/contract/errors.ts";
import type { Log } from "../../../core/contract/log.ts";
import { createDeadline } from "../../deadline.ts";
import type { Fetch } from "../api.ts";
import { CHANNEL } from "../types.ts";
import { fromMediaRef } from "./media-ref.ts";

export interface BotMediaOptions {
  readonly fetch: Fetch;
  /** The one host that may be private, and spoken to without TLS. */
  readonly apiBaseUrl: string;
  /** The others: `host` or `*.host`, as a parser of URLs writes them. */
  readonly fileHosts: readonly string[];
  /** EncodingAESKeys of the bot, the current one first; of no use where a file brings its own. */
  readonly keys: readonly string[];
  /** Longest that one call may take; a file may take three times as long. */
  readonly timeoutMs: number;
  readonly botId: string;
  readonly log: Log;
}

const MAX_BYTES = 20 * 2 ** 20;
const PADDING_BYTES = 32;

/**
 * The bytes of a bot's attachment, downloaded and decrypted. They are handed over only once all of
 * them are there and their padding has been found whole. Throws AttachmentError.
 * @see https://developer.work.weixin.qq.com/document/path/100719
 */
export const openBotMedia = async (
  ref: string,
  options: BotMediaOptions,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> => {
  const { fetch, keys, timeoutMs } = options;
  const { url, aeskey } = fromMediaRef(ref);
  refuseForeign(url, options);
  const encrypted = await download(url, fetch, timeoutMs, signal);
  for (const key of aeskey === undefined ? keys : [aeskey]) {
    const bytes = decrypted(encrypted, Buffer.from(key, "base64"));
    if (bytes) return new Blob([new Uint8Array(bytes)]).stream();
  }
  throw new AttachmentError("refused", "file does not decrypt with the key of this bot");
};

/** Nothing that a callback says leads us to a host that nobody configured. Throws AttachmentError. */
const refuseForeign = (
  url: string,
  { apiBaseUrl, fileHosts, botId, log }: BotMediaOptions,
): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && isAllowed(parsed, apiBaseUrl, fileHosts)) return;
  // Without its path and query: they open the file for five minutes.
  const from = parsed ? `${parsed.protocol}//${parsed.host}` : "no URL";
  log.error(
    { channel: CHANNEL, botId, from, alert: "wecom_file_host_refused" },
    "file not fetched: it is neither at channels.wechat_work.api_base_url nor, by https on port 443, at a host of channels.wechat_work.file_hosts",
  );
  throw new AttachmentError("not_allowed", "file: at no host of channels.wechat_work.file_hosts");
};

const isAllowed = (url: URL, apiBaseUrl: string, fileHosts: readonly string[]): boolean => {
  if (url.username !== "" || url.password !== "") return false;
  const { protocol, host } = new URL(apiBaseUrl);
  if (url.host === host && url.protocol === protocol) return true;
  return url.protocol === "https:" && url.port === "" && isFileHost(fileHosts, url.hostname);
};

const download = async (
  url: string,
  fetch: Fetch,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Buffer> => {
  const deadline = createDeadline(3 * timeoutMs, signal);
  try {
    // A redirect could lead into our own network.
    const response = await fetch(url, { redirect: "manual", signal: deadline.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      // Storage says 403 to an address whose five minutes are over.
      const isOver = response.status === 403 || response.status === 404 || response.status === 410;
      throw new AttachmentError(isOver ? "expired" : "refused", `file: HTTP ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BYTES + PADDING_BYTES) {
        throw new AttachmentError("too_large", `file: more than ${MAX_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof AttachmentError) throw error;
    // Without the cause: it may name the address, which is a secret for five minutes.
    throw new AttachmentError("unreachable", "file: no connection, or it broke");
  } finally {
    deadline.clear();
  }
};

/** The file, or nothing where the key is wrong or a byte of the padding is. */
const decrypted = (bytes: Buffer, key: Buffer): Buffer | undefined => {
  if (key.length !== 32 || bytes.length === 0 || bytes.length % 16 !== 0) return undefined;
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > PADDING_BYTES || padding > padded.length) return undefined;
  if (padded.subarray(-padding).some((byte) => byte !== padding)) return undefined;
  return padded.subarray(0, -padding);
};
