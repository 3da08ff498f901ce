import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { AuditLog } from "../audit-log.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { allHeads, cutChain, firstRecord, recordAt, removeRecords } from "./audit-rows.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { appendCheckpoints } from "./checkpoint-file.ts";
import { firstRecordedSince } from "./seek.ts";
import type { SigningKey } from "./signing-key.ts";

export interface RetentionParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly key: () => SigningKey;
  /** Of the checkpoints; a cut is sworn to there before it is made. */
  readonly file: string;
  /** At least 180, which the database insists on. */
  readonly days: number;
  readonly now: () => Date;
}

const DAY_MS = 24 * 60 * 60_000;
const AT_A_TIME = 500;

/**
 * Removes what is older than so many days from the beginning of every chain, in one process alone.
 * The last record that goes is signed, so that the rest still hangs on something; that it went is
 * itself put on record. Cut off anywhere, it goes on the next time.
 */
export const removeOldRecords = async (parts: RetentionParts): Promise<void> => {
  const { store, now, days } = parts;
  const before = now().getTime() - days * DAY_MS;
  const heads = await store.read("operator", (transaction) => transaction.all(allHeads, {}));
  for (const { tenant_id, seq, cut_seq } of heads) {
    const scope = tenantScope(tenant_id);
    const kept = await firstRecordedSince(store, scope, { from: cut_seq + 1, to: seq }, before);
    const upTo = kept - 1;
    if (upTo > cut_seq) await cut(parts, scope, upTo);
    await removeUpTo(store, scope, Math.max(upTo, cut_seq));
  }
};

const cut = async (
  { store, auditLog, key, file, now }: RetentionParts,
  scope: TenantScope,
  seq: number,
): Promise<void> => {
  const { tenantId } = scope;
  const place = { tenant_id: tenantId, seq };
  const last = await store.read(scope, (transaction) => transaction.first(recordAt, place));
  if (!last) return;
  const at = now();
  const signed = signCheckpoint(
    {
      kind: "cut",
      tenant: tenantId,
      seq,
      at: at.toISOString(),
      hash: Buffer.from(last.hash).toString("hex"),
    },
    key(),
  );
  await appendCheckpoints(file, [signed]);
  const cut_signature = Buffer.from(signed.signature, "base64");
  await store.write(scope, async (transaction) => {
    const facts = { ...place, hash: last.hash, at: at.getTime(), signature: cut_signature };
    await transaction.run(cutChain, facts);
    await auditLog.recordIn(transaction, {
      at,
      traceId: randomUUID(),
      scope,
      actor: "gateway",
      action: "audit.cut",
      subject: "log",
      decision: "allowed",
      code: "OK",
      durationMs: 0,
      detail: { up_to: seq },
    });
  });
};

const removeUpTo = async (store: Store, scope: TenantScope, upTo: number): Promise<void> => {
  const place = { tenant_id: scope.tenantId };
  for (;;) {
    const first = await store.read(scope, (transaction) => transaction.first(firstRecord, place));
    if (!first || first.seq > upTo) return;
    const last = Math.min(first.seq + AT_A_TIME - 1, upTo);
    await store.note(scope, (transaction) => transaction.run(removeRecords, { ...place, last }));
    // A year's records are many: messages come in between.
    await setImmediate();
  }
};
