import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tenantUid } from "../../sandbox/tenant-uid.ts";

describe("a tenant's user", () => {
  it("is always the same and never one of the machine's own", () => {
    fc.assert(
      fc.property(fc.string(), (tenantId) => {
        expect(tenantUid(tenantId)).toBe(tenantUid(tenantId));
        expect(tenantUid(tenantId)).toBeGreaterThan(10_000);
        expect(tenantUid(tenantId)).toBeLessThan(2 ** 31);
      }),
    );
  });
});
