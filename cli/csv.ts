/** One line of CSV (RFC 4180) that no spreadsheet takes for a formula. @see https://www.rfc-editor.org/rfc/rfc4180 */
export const csvLine = (cells: readonly (string | number | boolean)[]): string =>
  `${cells.map((cell) => quoted(typeof cell === "string" ? harmless(cell) : String(cell))).join(",")}\r\n`;

/**
 * What a spreadsheet would calculate gets an apostrophe in front, which makes it text. The full-width
 * signs are read like the others where Chinese or Japanese is typed.
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
const harmless = (text: string): string =>
  /^[=+\-@\t\r\n＝＋－＠]/u.test(text) ? `'${text}` : text;

const quoted = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
