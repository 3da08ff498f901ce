import { hash } from "node:crypto";
import type { Selectable } from "kysely";
import type { AuditTable } from "../store/schema.ts";
import { toHex } from "../to-hex.ts";

/** A row of the audit log as it is stored. */
export type AuditRow = Selectable<AuditTable>;

/** What a record says, without its place in the chain. */
export type AuditFacts = Omit<AuditRow, "seq" | "recorded_at" | "prev" | "hash">;

/** Where a chain has got to: its newest record's number, time and hash. */
export interface Head {
  readonly seq: number;
  readonly recorded_at: number;
  readonly hash: Uint8Array;
}

const HASH_BYTES = 32;
const LINK_BYTES = HASH_BYTES + 16 + HASH_BYTES;

/** Before a tenant's first record. */
export const NO_HEAD: Head = { seq: 0, recorded_at: 0, hash: new Uint8Array(HASH_BYTES) };

/**
 * SHA-256 of the record as canonical JSON (RFC 8785: sorted names, whole numbers, no spaces).
 * What is sealed goes in as ciphertext, so that nobody needs a key to check it, and a chain stays
 * whole when a key is destroyed. @see https://www.rfc-editor.org/rfc/rfc8785
 */
export const digestOf = (facts: AuditFacts): Buffer =>
  hash(
    "sha256",
    JSON.stringify({
      action: facts.action,
      actor_tag: hex(facts.actor_tag),
      at: facts.at,
      channel: facts.channel,
      code: facts.code,
      decision: facts.decision,
      detail: facts.detail,
      duration_ms: facts.duration_ms,
      message_key: facts.message_key,
      personal: hex(facts.personal),
      sender_id: facts.sender_id,
      subject: facts.subject,
      tenant_id: facts.tenant_id,
      trace_id: facts.trace_id,
      workspace_id: facts.workspace_id,
    }),
    "buffer",
  );

/** SHA-256 of previous hash, number and time (8 bytes each, big-endian), and digest. */
export const linkHash = (
  prev: Uint8Array,
  { seq, recorded_at }: Pick<Head, "seq" | "recorded_at">,
  digest: Uint8Array,
): Buffer => {
  const link = Buffer.allocUnsafe(LINK_BYTES);
  link.set(prev, 0);
  link.writeBigInt64BE(BigInt(seq), HASH_BYTES);
  link.writeBigInt64BE(BigInt(recorded_at), HASH_BYTES + 8);
  link.set(digest, HASH_BYTES + 16);
  return hash("sha256", link, "buffer");
};

/** A record's place behind `head`. A chain's times never go back, so that its oldest part can be found. */
export const linkAfter = (
  head: Head,
  { at, duration_ms }: Pick<AuditFacts, "at" | "duration_ms">,
  digest: Uint8Array,
): Head & { readonly prev: Uint8Array } => {
  const place = {
    seq: head.seq + 1,
    recorded_at: Math.max(head.recorded_at, at + duration_ms),
  };
  return { prev: head.hash, hash: linkHash(head.hash, place, digest), ...place };
};

const hex = (bytes: Uint8Array | null): string | null => bytes && toHex(bytes);
