import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { createRandomPool } from "../random-pool.ts";

// format (1 byte) | key version (4, big-endian) | nonce (12) | ciphertext | tag (16)
const FORMAT = 1;
const VERSION_AT = 1;
const NONCE_AT = 5;
const TEXT_AT = 17;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

const nextNonce = createRandomPool(NONCE_BYTES);

/** Encrypts bytes, or text as UTF-8, with AES-256-GCM under a random nonce; `context` is authenticated and not stored. */
export const sealEnvelope = (
  key: KeyObject,
  keyVersion: number,
  context: string,
  plain: Uint8Array | string,
): Buffer => {
  const nonce = nextNonce();
  const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
  cipher.setAAD(Buffer.from(context));
  const text = typeof plain === "string" ? cipher.update(plain, "utf8") : cipher.update(plain);
  cipher.final(); // which in this mode has no text of its own
  const tagAt = TEXT_AT + text.length;
  const sealed = Buffer.allocUnsafe(tagAt + TAG_BYTES);
  sealed[0] = FORMAT;
  sealed.writeUInt32BE(keyVersion, VERSION_AT);
  sealed.set(nonce, NONCE_AT);
  sealed.set(text, TEXT_AT);
  sealed.set(cipher.getAuthTag(), tagAt);
  return sealed;
};

/** The version of the key that an envelope names; undefined for what is no envelope. */
export const keyVersionOf = (sealed: Uint8Array): number | undefined => {
  if (sealed.length < TEXT_AT + TAG_BYTES || sealed[0] !== FORMAT) return undefined;
  return view(sealed).readUInt32BE(VERSION_AT);
};

/** Decrypts an envelope; undefined when key, context or a single bit is not what it was sealed with. */
export const openEnvelope = (
  key: KeyObject,
  keyVersion: number,
  context: string,
  sealed: Uint8Array,
): Buffer | undefined => {
  if (keyVersionOf(sealed) !== keyVersion) return undefined;
  const bytes = view(sealed);
  const textEnd = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(NONCE_AT, TEXT_AT), OPTIONS);
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(textEnd));
  const plain = decipher.update(bytes.subarray(TEXT_AT, textEnd));
  try {
    decipher.final();
    return plain;
  } catch {
    // Node's only word for a tag that does not match.
    plain.fill(0);
    return undefined;
  }
};

const view = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
