import { isUtf8 } from "node:buffer";
import { createDecipheriv, randomBytes, timingSafeEqual } from "node:crypto";
import { encrypt, getSignature } from "@wecom/crypto";
import type { KeyPair } from "./types.ts";

/** An encrypted text and the values that its signature covers. */
export interface Sealed {
  /** Base64. */
  readonly encrypt: string;
  /** Unix seconds, decimal. */
  readonly timestamp: string;
  readonly nonce: string;
  /** Lower-case hex of 20 bytes. */
  readonly signature: string;
}

/** What was in an envelope, or why it stays shut. */
export type Opening =
  | { readonly isOpen: true; readonly text: string }
  | { readonly isOpen: false; readonly reason: "CIPHERTEXT" | "RECEIVE_ID" };

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const BLOCK_BYTES = 16;
// random (16 bytes) | length of the text (4, big-endian) | text | receiveId | padding to 32 bytes
const LENGTH_AT = 16;
const TEXT_AT = 20;
const PADDED_BYTES = 32;

/**
 * Encrypts `text` with fresh random bytes and signs it.
 * @see https://developer.work.weixin.qq.com/document/path/90968
 */
export const seal = (
  text: string,
  pair: KeyPair,
  receiveId: string,
  timestamp: string,
  nonce: string,
): Sealed => {
  const encrypted = encrypt(pair.encoding_aes_key, text, receiveId, freshRandom());
  const signature = getSignature(pair.token, timestamp, nonce, encrypted);
  return { encrypt: encrypted, timestamp, nonce, signature };
};

/** True when the signature is the one that the token gives for the other three values. */
export const isSignedWith = (token: string, sealed: Sealed): boolean =>
  isEqual(
    Buffer.from(getSignature(token, sealed.timestamp, sealed.nonce, sealed.encrypt)),
    Buffer.from(sealed.signature),
  );

/**
 * Decrypts what has already been found to be signed. `decrypt` of the library forgives bad padding,
 * lengths, base64 and UTF-8; here only what encrypting the text again would give is opened.
 */
export const open = (encrypted: string, encodingAesKey: string, receiveId: string): Opening => {
  const shut = { isOpen: false, reason: "CIPHERTEXT" } as const;
  if (!BASE64.test(encrypted) || encrypted.length % 4 !== 0) return shut;
  const bytes = Buffer.from(encrypted, "base64");
  if (bytes.length === 0 || bytes.length % PADDED_BYTES !== 0) return shut;
  const key = Buffer.from(`${encodingAesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, BLOCK_BYTES));
  const plain = decipher.setAutoPadding(false).update(bytes); // whole blocks: nothing is left over
  const end = textEnd(plain);
  if (end === undefined) return shut;
  const idAt = TEXT_AT + plain.readUInt32BE(LENGTH_AT);
  if (idAt > end) return shut;
  const text = plain.subarray(TEXT_AT, idAt);
  const id = plain.subarray(idAt, end);
  if (!isUtf8(text) || !isUtf8(id)) return shut;
  if (!isEqual(id, Buffer.from(receiveId))) return { isOpen: false, reason: "RECEIVE_ID" };
  return { isOpen: true, text: text.toString() };
};

/** Where the padding begins: so many bytes of that value, no more than to the next multiple of 32. */
const textEnd = (plain: Buffer): number | undefined => {
  const padding = plain.at(-1) ?? 0;
  const end = plain.length - padding;
  if (padding < 1 || padding > PADDED_BYTES || end < TEXT_AT) return undefined;
  return plain.subarray(end).every((byte) => byte === padding) ? end : undefined;
};

// A draw costs as much as an encryption, however short it is: draw for many at once.
let drawn = Buffer.alloc(0);

/** 16 bytes that were never used before. */
const freshRandom = (): Buffer => {
  if (drawn.length === 0) drawn = randomBytes(256 * BLOCK_BYTES);
  const random = drawn.subarray(0, BLOCK_BYTES);
  drawn = drawn.subarray(BLOCK_BYTES);
  return random;
};

/** Compares in constant time, but for the length, which is no secret of anything compared here. */
const isEqual = (left: Buffer, right: Buffer): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
