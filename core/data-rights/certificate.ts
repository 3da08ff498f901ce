import type { SigningKey, VerifyingKey } from "../audit/signing-key.ts";

/** What was erased, when, and where the audit log had got to; names nothing of what it held. */
export interface Erasure {
  readonly kind: "erasure";
  readonly tenant: string;
  /** `channel:workspace:user`; null = the whole tenant. */
  readonly person: string | null;
  /** ISO 8601. */
  readonly at: string;
  /** How many of what. */
  readonly erased: Readonly<Record<string, number>>;
  /** What had to stay, and why nobody can read it or when it goes. */
  readonly kept: readonly string[];
  /** The tenant's chain when the erasure was on record. */
  readonly audit: { readonly seq: number; readonly hash: string };
}

/** An erasure that the gateway's audit key swears to. */
export interface Certificate extends Erasure {
  /** Id of the key. */
  readonly key: string;
  /** Ed25519 of `signedText`, in base64. */
  readonly signature: string;
}

const signedText = ({ tenant, person, at, erased, kept, audit }: Erasure): string => {
  const counts = Object.entries(erased).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    "clawgate erasure",
    tenant,
    person,
    at,
    counts,
    kept,
    audit.seq,
    audit.hash,
  ]);
};

/** Signs an erasure. */
export const certify = (erasure: Erasure, key: SigningKey): Certificate => ({
  ...erasure,
  key: key.id,
  signature: key.sign(signedText(erasure)).toString("base64"),
});

/** Whether this is a certificate that one of these keys signed, and nobody changed or added to. */
export const isCertified = (value: unknown, keys: readonly VerifyingKey[]): boolean => {
  if (!isCertificate(value)) return false;
  const signature = Buffer.from(value.signature, "base64");
  if (signature.toString("base64") !== value.signature) return false;
  return keys.some((key) => key.id === value.key && key.isSignature(signedText(value), signature));
};

// Every name that is signed for, and no other: what stands beside them nobody swears to.
const NAMES = ["kind", "tenant", "person", "at", "erased", "kept", "audit", "key", "signature"];

const isCertificate = (value: unknown): value is Certificate => {
  if (!isRecord(value) || !hasOnly(value, NAMES)) return false;
  const { kind, erased, kept, audit, signature } = value;
  if (kind !== "erasure" || typeof signature !== "string") return false;
  return (
    isRecord(erased) && Array.isArray(kept) && isRecord(audit) && hasOnly(audit, ["seq", "hash"])
  );
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const hasOnly = (value: object, names: readonly string[]): boolean =>
  Object.keys(value).sort().join() === [...names].sort().join();
