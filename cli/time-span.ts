const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** Milliseconds of a number of days, hours or minutes, e.g. `90d`; undefined when it is none. */
export const parseTimeSpan = (text: string): number | undefined => {
  const [, count = "", unit = ""] = /^([1-9]\d{0,4})([dhm])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  return ms > 0 ? ms : undefined;
};
