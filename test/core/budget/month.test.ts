import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { monthOf } from "../../../core/budget/month.ts";

describe("the month of a tenant", () => {
  it.each([
    // Taipei is 8 hours ahead all year.
    ["Asia/Taipei", "2026-02-28T15:59:59.999Z", "2026-02"],
    ["Asia/Taipei", "2026-02-28T16:00:00Z", "2026-03"],
    // New York changes its clocks on 2026-03-08 and 2026-11-01: one month turns at -5, others at -4.
    ["America/New_York", "2026-03-01T04:59:59.999Z", "2026-02"],
    ["America/New_York", "2026-03-01T05:00:00Z", "2026-03"],
    ["America/New_York", "2026-11-01T03:59:59.999Z", "2026-10"],
    ["America/New_York", "2026-11-01T04:00:00Z", "2026-11"],
    ["America/New_York", "2026-12-01T04:59:59.999Z", "2026-11"],
    ["America/New_York", "2026-12-01T05:00:00Z", "2026-12"],
    // Berlin was at +1 until 2026-03-29 and at +2 when April came.
    ["Europe/Berlin", "2026-02-28T22:59:59.999Z", "2026-02"],
    ["Europe/Berlin", "2026-03-31T21:59:59.999Z", "2026-03"],
    ["Europe/Berlin", "2026-03-31T22:00:00Z", "2026-04"],
    // Cairo set its clocks forward in the last hours of an April.
    ["Africa/Cairo", "2024-04-30T20:59:59Z", "2024-04"],
    ["Africa/Cairo", "2024-04-30T21:00:00Z", "2024-05"],
    ["Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2027-01"],
    [undefined, "2026-02-28T23:59:59.999Z", "2026-02"],
    [undefined, "2026-03-01T00:00:00Z", "2026-03"],
  ])("in %s at %s is %s", (timeZone, at, month) => {
    expect(monthOf(new Date(at), timeZone)).toBe(month);
  });

  it("never goes back while time goes on", () => {
    const zones = [
      "Asia/Taipei",
      "America/New_York",
      "Europe/London",
      "Australia/Lord_Howe",
      "UTC",
    ];
    const instant = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2035, 0) });
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, instant, (zone, one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        expect(monthOf(new Date(early), zone) <= monthOf(new Date(late), zone)).toBe(true);
      }),
    );
  });
});
