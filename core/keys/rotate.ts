import { randomUUID } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import { PLATFORM_SCOPE } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import type { KeyManagement } from "./key-management.ts";
import { rewrapDataKeys } from "./rewrap.ts";

/** The halves of a rotation: `add` another master key; `rewrap` every data key with it. */
export type RotationStep = "add" | "rewrap";

export interface Rotation {
  /** The master key that wraps now. */
  readonly masterId: string;
  readonly rewrapped: number;
  /** One sentence for each data key that is still under an older master key. */
  readonly failures: readonly string[];
}

export interface RotationParts {
  readonly store: Store;
  readonly keys: KeyManagement;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

/**
 * Changes the master key beside running gateways and puts that on record. Cut off anywhere, it is
 * simply done again. Throws KeyError or StoreError.
 * @param step absent = both
 */
export const rotateMasterKey = async (
  { store, keys, auditLog, now }: RotationParts,
  step?: RotationStep,
): Promise<Rotation> => {
  const startedAt = now();
  const traceId = randomUUID();
  const record = (code: string, detail: Record<string, string | number> = {}) =>
    auditLog.record({
      at: now(),
      traceId,
      scope: PLATFORM_SCOPE,
      actor: "cli", // nothing else can rotate
      action: "key.rotate",
      subject: step ?? "add+rewrap",
      decision: code === "OK" || code === "BEGUN" ? "allowed" : "failed",
      code,
      durationMs: now().getTime() - startedAt.getTime(),
      detail,
    });
  // Before anything is done: a rotation that cannot be put on record does not happen.
  await record("BEGUN");
  try {
    const masterId = step === "rewrap" ? await keys.currentId() : await keys.rotate();
    const { count, failures } =
      step === "add" ? { count: 0, failures: [] } : await rewrapDataKeys(store, keys);
    const code = failures.length === 0 ? "OK" : "KEY_UNAVAILABLE";
    await record(code, { master_id: masterId, rewrapped: count, failed: failures.length });
    return { masterId, rewrapped: count, failures };
  } catch (cause) {
    await record("FAULT").catch(() => {}); // the first fault is the one to report
    throw cause;
  }
};
