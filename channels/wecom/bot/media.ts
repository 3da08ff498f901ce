import { createDecipheriv } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { AttachmentError } from "../../../core/contract/errors.ts";
import { createDeadline } from "../../deadline.ts";
import type { Fetch } from "../api.ts";
import { fromMediaRef } from "./media-ref.ts";

export interface BotMediaOptions {
  readonly fetch: Fetch;
  /** The one host that may be private, and spoken to without TLS. */
  readonly apiBaseUrl: string;
  /** EncodingAESKeys of the bot, the current one first; of no use where a file brings its own. */
  readonly keys: readonly string[];
  /** Longest that one call may take; a file may take three times as long. */
  readonly timeoutMs: number;
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
  { fetch, apiBaseUrl, keys, timeoutMs }: BotMediaOptions,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> => {
  const { url, aeskey } = fromMediaRef(ref);
  if (!isAllowed(url, apiBaseUrl))
    throw new AttachmentError("refused", "file is at no allowed address");
  const encrypted = await download(url, fetch, timeoutMs, signal);
  for (const key of aeskey === undefined ? keys : [aeskey]) {
    const bytes = decrypted(encrypted, Buffer.from(key, "base64"));
    if (bytes) return new Blob([new Uint8Array(bytes)]).stream();
  }
  throw new AttachmentError("refused", "file does not decrypt with the key of this bot");
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

/** Files lie with the platform's storage: public, with TLS; or with a deployment of one's own. */
const isAllowed = (url: string, apiBaseUrl: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, host, hostname, username, password } = new URL(url);
  if (username !== "" || password !== "") return false;
  const api = new URL(apiBaseUrl);
  if (host === api.host && protocol === api.protocol) return true;
  return protocol === "https:" && !isPrivate(hostname.replace(/^\[|\]$/g, ""));
};

const privateRanges = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  privateRanges.addSubnet(address, bits, "ipv4");
}
const publicIpv6 = new BlockList();
publicIpv6.addSubnet("2000::", 3, "ipv6");

const isPrivate = (hostname: string): boolean => {
  const version = isIP(hostname);
  if (version === 4) return privateRanges.check(hostname, "ipv4");
  if (version === 6) return !publicIpv6.check(hostname, "ipv6");
  // A name without a dot is one of our own network's.
  const name = hostname.replace(/\.$/, "").toLowerCase();
  return !name.includes(".") || /\.(?:localhost|local|internal|home\.arpa)$/.test(name);
};
