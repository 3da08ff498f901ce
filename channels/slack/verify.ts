import { createHmac, timingSafeEqual } from "node:crypto";
import type { WebhookRequest } from "../../core/contract/channel.ts";
import { SignatureError } from "../../core/contract/errors.ts";
import { CHANNEL } from "./types.ts";

const MAX_AGE_SECONDS = 300;

/**
 * Throws SignatureError unless Slack signed exactly these bytes with one of the secrets, at most
 * 300 s before or after `now`.
 * @see https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export const verifySignature = (
  { headers, body }: Pick<WebhookRequest, "headers" | "body">,
  secrets: readonly string[],
  now: Date,
): void => {
  const timestamp = only(headers["x-slack-request-timestamp"]);
  const signature = only(headers["x-slack-signature"]);
  if (timestamp === undefined || signature === undefined) {
    throw new SignatureError(CHANNEL, "SIGNATURE_MISSING");
  }
  // First of all, so that nothing but digits is ever signed by us.
  if (!/^[0-9]{1,12}$/.test(timestamp)) throw new SignatureError(CHANNEL, "TIMESTAMP");
  if (!/^v0=[0-9a-f]{64}$/.test(signature)) throw new SignatureError(CHANNEL, "SIGNATURE");
  const given = Buffer.from(signature.slice(3), "hex");
  const isSigned = secrets.some((secret) => timingSafeEqual(given, sign(secret, timestamp, body)));
  if (!isSigned) throw new SignatureError(CHANNEL, "SIGNATURE");
  const ageSeconds = Math.floor(now.getTime() / 1000) - Number(timestamp);
  if (!(Math.abs(ageSeconds) <= MAX_AGE_SECONDS)) throw new SignatureError(CHANNEL, "TIMESTAMP");
};

/** What Slack puts behind `v0=` for these bytes. */
export const sign = (secret: string, timestamp: string, body: Buffer): Buffer =>
  createHmac("sha256", secret).update(`v0:${timestamp}:`).update(body).digest();

const only = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;
