/**
 * A record as one line of JSON. Beside what JSON escapes anyway, everything is escaped that some reader
 * or terminal takes for the end of a line, for a command or for a change of writing direction.
 */
export const jsonLine = (record: object): string =>
  JSON.stringify(record).replace(
    UNSAFE,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const UNSAFE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
