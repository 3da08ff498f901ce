import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import {
  type CloudApp,
  encryptText,
  type Forgery,
  type SignedRequest,
  signatureOf,
} from "./wecom-envelope.ts";

/** What a bot's administrator sees of it. */
export interface CloudBot {
  readonly id: string;
  readonly token: string;
  readonly encodingAesKey: string;
}

export const newCloudBot = (bot: Partial<CloudBot> = {}): CloudBot => ({
  id: "aibEXAMPLE000001",
  token: randomBytes(12).toString("hex"),
  encodingAesKey: randomBytes(32).toString("hex").slice(0, 43),
  ...bot,
});

/** A bot's envelopes are an application's whose receiveid is empty. */
export const asApp = ({ token, encodingAesKey }: CloudBot): CloudApp => ({
  ...{ corpId: "", agentId: "", secret: "", token, encodingAesKey },
});

/** The POST that brings `inner`, JSON or any text, to the bot. */
export const botRequest = (inner: string, bot: CloudBot, forgery: Forgery = {}): SignedRequest => {
  const encrypted = encryptText(inner, asApp(bot), forgery);
  const timestamp = forgery.timestamp ?? String(Math.floor(Date.now() / 1000));
  const nonce = forgery.nonce ?? randomBytes(6).toString("hex");
  const msg_signature = signatureOf(forgery.token ?? bot.token, timestamp, nonce, encrypted);
  const query = Object.entries({ msg_signature, timestamp, nonce, ...forgery.query })
    .flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}=${encodeURIComponent(one)}`),
    )
    .join("&");
  const body = JSON.stringify({ encrypt: encrypted });
  return { query, body: forgery.body?.(body) ?? body };
};

/** What the platform reads in a response. Throws when anything about it is wrong. */
export const openBotAnswer = (body: string, bot: CloudBot): Record<string, unknown> => {
  const outer = JSON.parse(body) as Record<string, unknown>;
  const { encrypt, msgsignature, timestamp, nonce } = outer;
  const isForm = Object.keys(outer).join() === "encrypt,msgsignature,timestamp,nonce";
  if (!isForm || typeof encrypt !== "string" || typeof timestamp !== "number") {
    throw new Error("answer is not in the documented form");
  }
  if (signatureOf(bot.token, String(timestamp), String(nonce), encrypt) !== msgsignature) {
    throw new Error("answer has a wrong signature");
  }
  const key = Buffer.from(`${bot.encodingAesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(encrypt, "base64"), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const isPadded = padding >= 1 && padding <= 32 && padded.length % 32 === 0;
  if (!isPadded || padded.subarray(-padding).some((byte) => byte !== padding)) {
    throw new Error("answer has a wrong padding");
  }
  const plain = padded.subarray(0, -padding);
  const end = 20 + plain.readUInt32BE(16);
  if (end !== plain.length) throw new Error("answer has a receiveid");
  const text = new TextDecoder("utf-8", { fatal: true }).decode(plain.subarray(20));
  return JSON.parse(text) as Record<string, unknown>;
};

/** A file as it lies in the platform's storage. */
export const encryptedFile = (bytes: Buffer, encodingAesKey: string, padByte?: number): Buffer => {
  const key = Buffer.from(`${encodingAesKey}=`, "base64");
  const padding = 32 - (bytes.length % 32);
  const padded = Buffer.concat([bytes, Buffer.alloc(padding, padding)]);
  if (padByte !== undefined) padded[padded.length - 2] = padByte;
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(padded), cipher.final()]);
};
