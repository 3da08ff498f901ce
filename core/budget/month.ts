/** The month of an instant in a time zone (absent = UTC), e.g. `2026-03`. */
export const monthOf = (at: Date, timeZone = "UTC"): string => {
  let format = formats.get(timeZone);
  if (!format) {
    // The Gregorian calendar and its digits, whatever the machine's locale is.
    const options = { timeZone, calendar: "gregory", numberingSystem: "latn" } as const;
    format = new Intl.DateTimeFormat("en", { ...options, year: "numeric", month: "2-digit" });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${parts.get("year")}-${parts.get("month")}`;
};

// To make one takes far longer than to use it.
const formats = new Map<string, Intl.DateTimeFormat>();
