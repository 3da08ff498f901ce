import { isUtf8 } from "node:buffer";
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { chainOf } from "./key-chain.ts";
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
  const plain = frame(text, receiveId);
  const encrypt = chainOf(pair.encoding_aes_key).encrypt(plain).toString("base64");
  return { encrypt, timestamp, nonce, signature: sign(pair.token, timestamp, nonce, encrypt) };
};

/** True when the signature is the one that the token gives for the other three values. */
export const isSignedWith = (token: string, sealed: Sealed): boolean =>
  isEqual(
    Buffer.from(sign(token, sealed.timestamp, sealed.nonce, sealed.encrypt)),
    Buffer.from(sealed.signature),
  );

/**
 * Decrypts what has already been found to be signed. Padding, lengths, base64 and UTF-8 are not
 * forgiven: only bytes that encrypting the text again would give are opened.
 */
export const open = (encrypted: string, encodingAesKey: string, receiveId: string): Opening => {
  const shut = { isOpen: false, reason: "CIPHERTEXT" } as const;
  const bytes = Buffer.from(encrypted, "base64");
  // The same text again is base64 for certain; the expression reads it letter by letter.
  if (bytes.toString("base64") !== encrypted && !isBase64(encrypted)) return shut;
  if (bytes.length === 0 || bytes.length % PADDED_BYTES !== 0) return shut;
  const plain = chainOf(encodingAesKey).decrypt(bytes);
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

/** Lower-case hex. @see https://developer.work.weixin.qq.com/document/path/90968 */
const sign = (...values: string[]): string => hash("sha1", values.sort().join(""));

/** Node would skip what is none. Bits that the last letter has too many of say nothing. */
const isBase64 = (text: string): boolean =>
  /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;

/** What is encrypted of a text. */
const frame = (text: string, receiveId: string): Buffer => {
  const textBytes = Buffer.byteLength(text);
  const end = TEXT_AT + textBytes + Buffer.byteLength(receiveId);
  const padding = PADDED_BYTES - (end % PADDED_BYTES);
  const plain = Buffer.allocUnsafe(end + padding);
  plain.set(freshRandom());
  plain.writeUInt32BE(textBytes, LENGTH_AT);
  plain.write(text, TEXT_AT);
  plain.write(receiveId, TEXT_AT + textBytes);
  return plain.fill(padding, end);
};

/** Where the padding begins: so many bytes of that value, no more than to the next multiple of 32. */
const textEnd = (plain: Buffer): number | undefined => {
  const padding = plain[plain.length - 1] ?? 0;
  const end = plain.length - padding;
  if (padding < 1 || padding > PADDED_BYTES || end < TEXT_AT) return undefined;
  for (let at = end; at < plain.length; at++) if (plain[at] !== padding) return undefined;
  return end;
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
