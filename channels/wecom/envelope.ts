import { randomBytes, timingSafeEqual } from "node:crypto";
import { decrypt, encrypt, getSignature } from "@wecom/crypto";
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
 * Decrypts what has already been found to be signed. The library forgives bad padding, lengths,
 * base64 and UTF-8, so what it made of the bytes must encrypt to the very same bytes again.
 */
export const open = (encrypted: string, encodingAesKey: string, receiveId: string): Opening => {
  const shut = { isOpen: false, reason: "CIPHERTEXT" } as const;
  if (!BASE64.test(encrypted) || encrypted.length % 4 !== 0) return shut;
  const bytes = Buffer.from(encrypted, "base64");
  if (bytes.length === 0 || bytes.length % BLOCK_BYTES !== 0) return shut;
  try {
    const { message, id, random } = decrypt(encodingAesKey, encrypted);
    const again = Buffer.from(encrypt(encodingAesKey, message, id, random), "base64");
    if (!isEqual(again, bytes)) return shut;
    if (!isEqual(Buffer.from(id), Buffer.from(receiveId)))
      return { isOpen: false, reason: "RECEIVE_ID" };
    return { isOpen: true, text: message };
  } catch {
    // Node's and OpenSSL's complaints about lengths; which one is nobody's business outside.
    return shut;
  }
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
