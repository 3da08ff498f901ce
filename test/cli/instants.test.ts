import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInstant } from "../../cli/instants.ts";

const start = (text: string, zone: string) => parseInstant(text, zone, "start")?.toISOString();
const end = (text: string, zone: string) => parseInstant(text, zone, "end")?.toISOString();

describe("a day or an instant", () => {
  it("is the tenant's own day", () => {
    expect(start("2026-03-01", "Asia/Taipei")).toBe("2026-02-28T16:00:00.000Z");
    expect(end("2026-03-01", "Asia/Taipei")).toBe("2026-03-01T16:00:00.000Z");
    expect(start("2026-03-01", "UTC")).toBe("2026-03-01T00:00:00.000Z");
    expect(end("2026-12-31", "America/New_York")).toBe("2027-01-01T05:00:00.000Z");
  });

  it("may have 23 or 25 hours, and may begin at one o'clock", () => {
    expect(start("2026-03-08", "America/New_York")).toBe("2026-03-08T05:00:00.000Z");
    expect(end("2026-03-08", "America/New_York")).toBe("2026-03-09T04:00:00.000Z");
    expect(end("2026-11-01", "America/New_York")).toBe("2026-11-02T05:00:00.000Z");
    // Chile's clocks go from midnight to one o'clock.
    expect(start("2024-09-08", "America/Santiago")).toBe("2024-09-08T04:00:00.000Z");
    // And here from midnight back to eleven, so that the day before has an hour twice.
    expect(start("2024-04-07", "America/Santiago")).toBe("2024-04-07T04:00:00.000Z");
  });

  it("begins where the day before ends, in every zone", () => {
    const zones = [
      "Asia/Taipei",
      "America/St_Johns",
      "Pacific/Apia",
      "Europe/Berlin",
      "Asia/Beirut",
    ];
    const day = fc.date({
      min: new Date("1990-01-01"),
      max: new Date("2035-01-01"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(day, fc.constantFrom(...zones), (date, zone) => {
        const text = date.toISOString().slice(0, 10);
        const next = new Date(date.getTime() + 86_400_000).toISOString().slice(0, 10);
        expect(end(text, zone)).toBe(start(next, zone));
      }),
    );
  });

  it("is an instant with its offset, also where a plus became a space", () => {
    expect(start("2026-03-01T09:00:00Z", "Asia/Taipei")).toBe("2026-03-01T09:00:00.000Z");
    expect(end("2026-03-01T09:00 08:00", "UTC")).toBe("2026-03-01T01:00:00.000Z");
    expect(start("2026-03-01T09:00:00.250-05:00", "UTC")).toBe("2026-03-01T14:00:00.250Z");
  });

  it.each([
    "",
    "2026-02-30",
    "2026-13-01",
    "2026-3-1",
    "yesterday",
    "2026-03-01T09:00:00",
    "1e9",
    "2026-03-01T25:00:00Z",
  ])("is not %j", (text) => {
    expect(parseInstant(text, "UTC", "start")).toBeUndefined();
  });
});
