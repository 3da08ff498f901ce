import { randomUUID } from "node:crypto";
import type { AuditLog } from "./audit-log.ts";
import type { Rejection } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import { PLATFORM_SCOPE } from "./store/scope.ts";

const WINDOW_MS = 60_000;

/**
 * Puts refused requests on record: the first of each kind at once, those that follow within a
 * minute as a count in the next record, so that a flood of forgeries cannot flood the audit log.
 */
export const createRejectionRecorder = (
  auditLog: AuditLog,
  log: Log,
  now: () => Date,
  action: "webhook" | "api" = "webhook",
) => {
  const windows = new Map<string, { startedAt: number; suppressed: number }>();
  return ({ channel, reason, status }: Rejection): void => {
    const key = JSON.stringify([channel, reason]);
    const at = now();
    const window = windows.get(key);
    if (window && at.getTime() - window.startedAt < WINDOW_MS) {
      window.suppressed++;
      return;
    }
    const suppressed = window?.suppressed ?? 0;
    windows.set(key, { startedAt: at.getTime(), suppressed: 0 });
    log.warn({ channel, reason, status, suppressed }, `${action} request refused`);
    auditLog
      .record({
        at,
        traceId: randomUUID(),
        scope: PLATFORM_SCOPE,
        channel,
        action,
        subject: "request",
        decision: "refused",
        code: reason,
        durationMs: 0,
        detail: { status, suppressed },
      })
      .catch((cause) => log.error({ err: cause }, "refused request not put on record"));
  };
};
