import { createHash, randomBytes } from "node:crypto";

/** An API key taken apart. */
export interface ApiKeyText {
  /** Where it is looked up: a tenant id, or `_platform`. */
  readonly tenantId: string;
  /** Its public part: 16 hex digits. */
  readonly id: string;
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;

// A tenant id may hold `_`; the last two groups have a fixed length and none, so there is one reading.
const KEY = /^clawgate_(_platform|[a-z0-9][a-z0-9_-]{0,62})_([0-9a-f]{16})_[0-9a-f]{64}$/;

/** Makes a new key: `clawgate_<tenant>_<id>_<secret>`, the secret 256 random bits in hex. */
export const makeApiKey = (tenantId: string): { readonly id: string; readonly key: string } => {
  const id = randomBytes(ID_BYTES).toString("hex");
  return { id, key: `clawgate_${tenantId}_${id}_${randomBytes(SECRET_BYTES).toString("hex")}` };
};

/** Undefined when it has not the form of a key. Whether it is one only its stored hash can tell. */
export const parseApiKey = (key: string): ApiKeyText | undefined => {
  const [, tenantId, id] = KEY.exec(key) ?? [];
  return tenantId === undefined || id === undefined ? undefined : { tenantId, id };
};

/**
 * What is stored of a key. A fast hash is right here: the slow ones protect what people can
 * remember, and nobody guesses 256 random bits.
 */
export const hashApiKey = (key: string): Buffer => createHash("sha256").update(key).digest();
