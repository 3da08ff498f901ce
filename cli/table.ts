/** Lines of columns, the first row being the heading; what is not printable is shown as `?`. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const shown = rows.map((row) => row.map(printable));
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map((row) => row[column]?.length ?? 0)),
  );
  return shown
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
};

// Platforms choose their ids: one with control characters must not steer an operator's terminal.
const printable = (text: string): string => text.replaceAll(/\p{C}/gu, "?");

/** A time span for people, e.g. `3 h`. */
export const age = (seconds: number): string => {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
};
