import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from "node:crypto";

/** AES-256-CBC with one EncodingAESKey, whose first 16 bytes are the vector too. Takes whole blocks. */
export interface KeyChain {
  /** The first block must be fresh random bytes that nobody reads: they arrive as other ones. */
  encrypt(blocks: Buffer): Buffer;
  decrypt(blocks: Buffer): Buffer;
}

/**
 * The chain of a key. To set a cipher up takes several times as long as a message in it, so one goes
 * on from message to message. Nothing of another message shows: CBC mixes a block with the
 * ciphertext before it, which has travelled in the open.
 */
export const chainOf = (encodingAesKey: string): KeyChain => {
  const known = chains.get(encodingAesKey);
  if (known) return known;
  const key = Buffer.from(`${encodingAesKey}=`, "base64");
  const vector = key.subarray(0, BLOCK_BYTES);
  const cipher = createCipheriv("aes-256-cbc", key, vector).setAutoPadding(false);
  const decipher = createDecipheriv("aes-256-cbc", key, vector).setAutoPadding(false);
  const chain: KeyChain = {
    // Random bytes mixed with whatever comes before them are random bytes.
    encrypt: (blocks) => wholeBlocks(cipher, blocks),
    // The vector goes first, as the ciphertext that the first block was mixed with.
    decrypt: (blocks) =>
      wholeBlocks(decipher, Buffer.concat([vector, blocks])).subarray(BLOCK_BYTES),
  };
  chains.set(encodingAesKey, chain);
  return chain;
};

const BLOCK_BYTES = 16;

// As many as the settings have pairs.
const chains = new Map<string, KeyChain>();

/** A part of a block would stay behind and come out with the next message. */
const wholeBlocks = (cipher: Cipher | Decipher, blocks: Buffer): Buffer => {
  if (blocks.length % BLOCK_BYTES !== 0) throw new RangeError("not a number of whole blocks");
  return cipher.update(blocks);
};
