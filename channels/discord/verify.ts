import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { WebhookRequest } from "../../core/contract/channel.ts";
import { SignatureError } from "../../core/contract/errors.ts";
import { CHANNEL } from "./target.ts";

// SubjectPublicKeyInfo of Ed25519 up to the key itself. https://www.rfc-editor.org/rfc/rfc8410#section-10.1
const SPKI_PREFIX = "302a300506032b6570032100";
/** Seconds that a timestamp may be off either way. */
const WINDOW_S = 300;

/** The application's public key, 32 bytes in hex. Throws RangeError for what is none. */
export const readPublicKey = (hex: string): KeyObject => {
  if (!/^[0-9a-f]{64}$/i.test(hex.trim())) {
    throw new RangeError(
      "channels.discord.public_key is not 64 hexadecimal digits; copy it from General Information in the developer portal",
    );
  }
  const der = Buffer.from(SPKI_PREFIX + hex.trim(), "hex");
  return createPublicKey({ key: der, format: "der", type: "spki" });
};

/**
 * Throws SignatureError unless the timestamp and the very bytes that came are signed by Discord, and
 * lately. Discord sends wrong signatures at random and wants 401 for them.
 * @see https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
 */
export const verifyInteraction = (
  { headers, body }: Pick<WebhookRequest, "headers" | "body">,
  key: KeyObject,
  now: Date,
): void => {
  const signature = headers["x-signature-ed25519"];
  const timestamp = headers["x-signature-timestamp"];
  if (typeof signature !== "string" || !/^[0-9a-f]{128}$/i.test(signature))
    throw refused("SIGNATURE");
  if (typeof timestamp !== "string" || !/^\d{1,12}$/.test(timestamp)) throw refused("TIMESTAMP");
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  if (!isSigned(signed, key, Buffer.from(signature, "hex"))) throw refused("SIGNATURE");
  const offS = Math.abs(now.getTime() / 1000 - Number(timestamp));
  if (!(offS <= WINDOW_S)) throw refused("TIMESTAMP");
};

const isSigned = (signed: Buffer, key: KeyObject, signature: Buffer): boolean => {
  try {
    return verify(null, signed, key, signature);
  } catch {
    return false;
  }
};

const refused = (reason: string): SignatureError => new SignatureError(CHANNEL, reason, {}, 401);
