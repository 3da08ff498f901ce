import { decrypt, encrypt, getSignature } from "@wecom/crypto";
import type { Sealed } from "./envelope.ts";
import type { KeyPair } from "./types.ts";

// The platform's side of an envelope, by the library that others use: a simulation that opened and
// sealed with the gateway's own code would not notice what that gets wrong.

/** Encrypts and signs `text` as the platform does. */
export const sealAsPlatform = (
  text: string,
  pair: KeyPair,
  receiveId: string,
  timestamp: string,
  nonce: string,
): Sealed => {
  const encrypted = encrypt(pair.encoding_aes_key, text, receiveId);
  const signature = getSignature(pair.token, timestamp, nonce, encrypted);
  return { encrypt: encrypted, timestamp, nonce, signature };
};

/** The text of an answer; undefined when its signature, its key or its receiver is a wrong one. */
export const openAsPlatform = (
  { encrypt: encrypted, timestamp, nonce, signature }: Sealed,
  pair: KeyPair,
  receiveId: string,
): string | undefined => {
  if (getSignature(pair.token, timestamp, nonce, encrypted) !== signature) return undefined;
  try {
    const { message, id } = decrypt(pair.encoding_aes_key, encrypted);
    return id === receiveId ? message : undefined;
  } catch {
    return undefined; // no number of whole blocks
  }
};
