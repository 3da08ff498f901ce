/** How a point in time is to be given, for messages. */
export const INSTANT_FORM =
  "a day (2026-03-01) or an instant with its offset (2026-03-01T09:00:00Z, 2026-03-01T09:00:00+08:00)";

/**
 * Reads a day of this time zone (IANA name), or an ISO 8601 instant; undefined for anything else.
 * @param edge what a day stands for: its first instant, or the first one after it
 */
export const parseInstant = (
  text: string,
  timeZone: string,
  edge: "start" | "end",
): Date | undefined => {
  const day = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (day) {
    const [year, month, date] = day.slice(1).map(Number) as [number, number, number];
    const noon = new Date(Date.UTC(year, month - 1, date, 12));
    if (noon.toISOString().slice(0, 10) !== text) return undefined;
    return startOfDay(year, month, edge === "start" ? date : date + 1, timeZone);
  }
  // In a URL a plus that is not written %2B arrives as a space.
  const instant = text.replace(/ (?=\d{2}:\d{2}$)/, "+");
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(instant)) {
    return undefined;
  }
  const at = new Date(instant);
  return Number.isNaN(at.getTime()) ? undefined : at;
};

/** A day may be longer or shorter than 24 hours, and where clocks change at midnight begin at 1:00. */
const startOfDay = (year: number, month: number, date: number, timeZone: string): Date => {
  const midnight = Date.UTC(year, month - 1, date);
  const wall = (at: number): number => wallClock(at, timeZone);
  const candidates = [midnight - 86_400_000, midnight, midnight + 86_400_000]
    .map((near) => midnight - (wall(near) - near))
    .filter((at) => wall(at) >= midnight)
    .sort((a, b) => a - b);
  return new Date(candidates[0] ?? midnight);
};

/** What clocks there show then, as if they showed UTC; whole seconds. */
const wallClock = (at: number, timeZone: string): number => {
  const format = new Intl.DateTimeFormat("en", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(
    ...([of("year"), of("month") - 1, of("day")] as const),
    ...([of("hour"), of("minute"), of("second")] as const),
  );
};
