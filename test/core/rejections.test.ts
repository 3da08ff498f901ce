import { describe, expect, it } from "vitest";
import { createRejectionRecorder } from "../../core/rejections.ts";
import { recordedLog } from "../fakes/log.ts";
import { recordedAudit } from "../fakes/turn.ts";

const forgery = { channel: "test", reason: "SIGNATURE", status: 403 };

const setUp = () => {
  const auditLog = recordedAudit();
  const log = recordedLog();
  const clock = { ms: 0 };
  const record = createRejectionRecorder(auditLog, log, () => new Date(clock.ms));
  return { record, clock, log, records: auditLog.records };
};

describe("refused webhook requests", () => {
  it("are on record under the platform's own scope, with the reason that the caller was not told", () => {
    const { record, records } = setUp();
    record(forgery);
    expect(records).toMatchObject([
      {
        scope: { tenantId: "_platform" },
        action: "webhook",
        decision: "refused",
        code: "SIGNATURE",
      },
    ]);
  });

  it("cannot flood the record: a minute of forgeries is one line, and a count in the next", () => {
    const { record, records, clock, log } = setUp();
    for (let n = 0; n < 1_000; n++) record(forgery);
    expect([records.length, log.lines.length]).toEqual([1, 1]);
    clock.ms = 60_000;
    record(forgery);
    expect(records.map(({ detail }) => detail)).toEqual([
      { status: 403, suppressed: 0 },
      { status: 403, suppressed: 999 },
    ]);
  });

  it("of different kinds are told apart", () => {
    const { record, records } = setUp();
    record(forgery);
    record({ ...forgery, reason: "TIMESTAMP" });
    expect(records.map(({ code }) => code)).toEqual(["SIGNATURE", "TIMESTAMP"]);
  });
});
