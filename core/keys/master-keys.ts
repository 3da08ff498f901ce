import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { z } from "zod";

/** One of the keys that wrap the tenants' data keys. */
export interface MasterKey {
  /** 16 hex digits that follow from the key itself, so that a garbled key shows. */
  readonly id: string;
  readonly key: KeyObject;
  readonly createdAt: Date;
}

const KEY_BYTES = 32;

/** A new random master key. */
export const makeMasterKey = (now: Date): MasterKey => {
  const key = createSecretKey(randomBytes(KEY_BYTES));
  return { id: idOf(key), key, createdAt: now };
};

const fileSchema = z.strictObject({
  format: z.literal("clawgate-master-keys-1"),
  keys: z
    .array(
      z.strictObject({
        id: z.string(),
        key: z.base64().length(44),
        created_at: z.iso.datetime(),
      }),
    )
    .min(1),
});

/** The text of a key file. @param keys the current one first */
export const renderMasterKeys = (keys: readonly MasterKey[]): string => {
  const content: z.input<typeof fileSchema> = {
    format: "clawgate-master-keys-1",
    keys: keys.map(({ id, key, createdAt }) => ({
      id,
      key: key.export().toString("base64"),
      created_at: createdAt.toISOString(),
    })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
};

/** The keys in a key file's text, the current one first; undefined unless all of it is intact. */
export const parseMasterKeys = (text: string): readonly MasterKey[] | undefined => {
  const parsed = fileSchema.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const keys = parsed.data.keys.map((entry) => ({
    id: entry.id,
    key: createSecretKey(entry.key, "base64"),
    createdAt: new Date(entry.created_at),
  }));
  const isIntact = keys.every(
    ({ id, key }) => key.symmetricKeySize === KEY_BYTES && id === idOf(key),
  );
  return isIntact && new Set(keys.map(({ id }) => id)).size === keys.length ? keys : undefined;
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const idOf = (key: KeyObject): string =>
  createHmac("sha256", key).update("clawgate master key id").digest("hex").slice(0, 16);
