import type { SigningKey, VerifyingKey } from "./signing-key.ts";

/** What somebody swore to at a time: this was the record of that number in this chain. */
export interface Checkpoint {
  /** `cut`: also that the records up to it may be gone, for their age. */
  readonly kind: "checkpoint" | "cut";
  readonly tenant: string;
  readonly seq: number;
  /** Of that record, in hex. */
  readonly hash: string;
  /** ISO 8601. */
  readonly at: string;
}

/** One line of the file of checkpoints. */
export interface SignedCheckpoint extends Checkpoint {
  /** Id of the key. */
  readonly key: string;
  /** Ed25519 of `signedText`, in base64. */
  readonly signature: string;
}

/** What is signed: no two checkpoints read the same, and none reads like a cut. */
const signedText = ({ kind, tenant, seq, hash, at }: Checkpoint): string =>
  JSON.stringify(["clawgate audit", kind, tenant, seq, hash, at]);

/** Signs a checkpoint. */
export const signCheckpoint = (checkpoint: Checkpoint, key: SigningKey): SignedCheckpoint => ({
  ...checkpoint,
  key: key.id,
  signature: key.sign(signedText(checkpoint)).toString("base64"),
});

/** Whether one of these keys signed it. */
export const isSigned = (
  { signature, ...checkpoint }: Checkpoint & { readonly signature: string },
  keys: readonly VerifyingKey[],
): boolean => {
  const bytes = Buffer.from(signature, "base64");
  // Base64 has characters of which not every bit counts: no other spelling is what we wrote.
  if (bytes.toString("base64") !== signature) return false;
  return keys.some((key) => key.isSignature(signedText(checkpoint), bytes));
};

// What stands beside these nobody swears to.
const NAMES: ReadonlySet<string> = new Set("kind tenant seq hash at key signature".split(" "));

/** The checkpoint on this line; undefined when it has not the form of one. */
export const parseCheckpoint = (line: string): SignedCheckpoint | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!Object.keys(value).every((name) => NAMES.has(name))) return undefined;
  const { kind, tenant, seq, hash, at, key, signature } = value as Record<string, unknown>;
  if (kind !== "checkpoint" && kind !== "cut") return undefined;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq)) return undefined;
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  if (typeof tenant !== "string" || typeof at !== "string" || typeof key !== "string") {
    return undefined;
  }
  return typeof signature === "string"
    ? { kind, tenant, seq, hash, at, key, signature }
    : undefined;
};
