import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { KeyError } from "../keys/errors.ts";
import { createPrivateFile, readPrivateFile } from "../keys/private-file.ts";

/** Signs checkpoints with Ed25519. */
export interface SigningKey {
  /** Of the public key: what a signature says it was made with. */
  readonly id: string;
  /** To be kept where the checkpoints are checked. */
  readonly publicPem: string;
  sign(text: string): Buffer;
}

/** Checks signatures of one key. */
export interface VerifyingKey {
  readonly id: string;
  isSignature(text: string, signature: Uint8Array): boolean;
}

/** The signing key in this file of its owner's (0600). Throws KeyError; undefined when there is no file. */
export const readSigningKey = (path: string): SigningKey | undefined => {
  const pem = readPrivateFile(path);
  if (pem === undefined) return undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new KeyError(`signing key ${path} is damaged: put it back from its backup`, { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new KeyError(`signing key ${path} is no Ed25519 key: put ours back from its backup`);
  }
  const publicKey = createPublicKey(key);
  return {
    id: idOf(publicKey),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (text) => sign(null, Buffer.from(text), key),
  };
};

/** The signing key in this file, which is made when there is none. Throws KeyError. */
export const openSigningKey = (path: string): SigningKey => {
  const known = readSigningKey(path);
  if (known) return known;
  const { privateKey } = generateKeyPairSync("ed25519");
  createPrivateFile(path, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  // Another process may have been first, and then its key is the one.
  const made = readSigningKey(path);
  if (!made) throw new KeyError(`signing key ${path} was made but is not there`);
  return made;
};

/** The public half, as `publicPem` has it. Throws KeyError. */
export const verifyingKey = (pem: string, where: string): VerifyingKey => {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new KeyError(`${where} holds no public key in PEM form`, { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new KeyError(`${where} holds no Ed25519 key`);
  return {
    id: idOf(key),
    isSignature: (text, signature) => verify(null, Buffer.from(text), key, signature),
  };
};

const idOf = (publicKey: KeyObject): string =>
  createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16);
