import { auditFilesOf } from "../config/key-file.ts";
import type { LoadedSettings } from "../config/load.ts";
import { removeOldRecords } from "../core/audit/retention.ts";
import { openSigningKey, type SigningKey } from "../core/audit/signing-key.ts";
import { startWitness, type Witness } from "../core/audit/witness.ts";
import type { AuditLog } from "../core/audit-log.ts";
import { createChannelState } from "../core/channel-state/channel-state.ts";
import { createLeases } from "../core/channel-state/leases.ts";
import type { Log } from "../core/contract/log.ts";
import type { ContentCipher } from "../core/store/content-cipher.ts";
import type { Store } from "../core/store/store.ts";
import { createSteadyClock } from "./steady-clock.ts";

export interface AuditWitnessParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  /** No other process can be at work on this store. */
  readonly isAlone: boolean;
  readonly log: Log;
  readonly now: () => Date;
  /** Milliseconds since any fixed moment, on a clock that nobody can set. Default: since the process began. */
  readonly elapsedMs?: () => number;
}

const HOUR_MS = 60 * 60_000;
// As long as a process that died may leave the checkpoints undone.
const LEASE_MS = 60_000;

/** Has checkpoints written and old records removed as the settings say, by one of the replicas. */
export const startAuditWitness = (
  { settings, keyFile }: Pick<LoadedSettings, "settings" | "keyFile">,
  parts: AuditWitnessParts,
): Witness => {
  const { store, cipher, auditLog, isAlone, log, now } = parts;
  const { elapsedMs = () => performance.now() } = parts;
  const files = auditFilesOf(settings, keyFile);
  let opened: SigningKey | undefined;
  const key = (): SigningKey => {
    opened ??= openSigningKey(files.keyFile);
    return opened;
  };
  const file = files.checkpointFile;
  const days = settings.storage.audit_retention_days;
  const isSteady = createSteadyClock(now, elapsedMs);
  let removedAt = Number.NEGATIVE_INFINITY;
  const remove = async (): Promise<void> => {
    if (!isSteady() || days === undefined || elapsedMs() - removedAt < HOUR_MS) return;
    await removeOldRecords({ store, auditLog, key, file, days, now });
    removedAt = elapsedMs();
  };
  const state = createChannelState("_audit", { store, cipher, now });
  const leases = isAlone ? undefined : createLeases({ state, log, leaseMs: LEASE_MS });
  return startWitness({ store, key, file, leases, now, log, also: remove });
};
