import { randomUUID } from "node:crypto";
import { PayloadError } from "../../../core/contract/errors.ts";
import { seal } from "../envelope.ts";
import { CHANNEL, type KeyPair, type WecomBot } from "../types.ts";
import { type Verified, verifyEnvelope } from "../verify.ts";
import { JsonError, type JsonObject, readJson } from "./json.ts";

/** A bot has no corp around its envelopes: what is compared is the empty id, never nothing. */
export const NO_RECEIVE_ID = "";

/**
 * Reads a bot's callback, as `verifyCallback` does for an application. Throws PayloadError when it
 * is unreadable, SignatureError when it is not the platform's.
 * @see https://developer.work.weixin.qq.com/document/path/101033
 */
export const verifyBotCallback = (
  bot: WecomBot,
  query: string,
  body: Buffer,
  now: Date,
): Verified => verifyEnvelope(bot, NO_RECEIVE_ID, query, () => readEncrypted(body), now);

/** What is answered in the response of a callback: JSON inside, encrypted JSON outside. */
export const sealAnswer = (answer: object, pair: KeyPair, now: Date): string => {
  const timestamp = Math.floor(now.getTime() / 1000);
  const nonce = randomUUID().slice(0, 8); // as long as the platform's own
  const text = JSON.stringify(answer);
  const sealed = seal(text, pair, NO_RECEIVE_ID, String(timestamp), nonce);
  return JSON.stringify({
    encrypt: sealed.encrypt,
    msgsignature: sealed.signature,
    timestamp,
    nonce,
  });
};

/** The ciphertext in the outer JSON, which nothing has signed yet. */
const readEncrypted = (body: Buffer): string => {
  const encrypted = readOuter(body).get("encrypt");
  if (typeof encrypted !== "string" || encrypted === "") {
    throw new PayloadError(CHANNEL, "body has no encrypt");
  }
  return encrypted;
};

const readOuter = (body: Buffer): JsonObject => {
  let text: string;
  try {
    // A byte order mark is no JSON, so it must not be swallowed.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new PayloadError(CHANNEL, "body is not UTF-8", 400, { cause });
  }
  try {
    return readJson(text);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new PayloadError(CHANNEL, `body: ${cause.reason}`, 400, { cause });
  }
};
