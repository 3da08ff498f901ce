/**
 * The text in a file of unknown encoding: UTF-8, UTF-16 with its mark, or, as spreadsheets and editors of
 * Chinese Windows still write, GB 18030 or Big5. Undefined for what is no text.
 */
export const decodeText = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decoded(bytes, "utf-16le") || undefined;
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decoded(bytes, "utf-16be") || undefined;
  const likely = isLikelyBig5(bytes) ? ["big5", "gb18030"] : ["gb18030", "big5"];
  return decoded(bytes, "utf-8") ?? likely.map((one) => written(decoded(bytes, one))).find(Boolean);
};

const decoded = (bytes: Uint8Array, encoding: string): string | undefined => {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

// What a picture has whose bytes happen to be valid.
const NEVER_WRITTEN = /(?![\t-\r])\p{Cc}|\p{Co}|\p{Cn}/u;

const written = (text: string | undefined): string | undefined =>
  text === undefined || NEVER_WRITTEN.test(text) ? undefined : text;

// Of a hundred characters of Big5 some forty have a second byte that is ASCII too; of GB 18030 only
// rare ones do.
const LEAST_SHARE = 0.1;

/** Either encoding can read most of what the other wrote, so the bytes have to tell. */
const isLikelyBig5 = (bytes: Uint8Array): boolean => {
  let pairs = 0;
  let ascii = 0;
  for (let at = 0; at + 1 < bytes.length; at++) {
    if ((bytes[at] ?? 0) < 0x80) continue;
    at++;
    pairs++;
    if ((bytes[at] ?? 0) < 0x80) ascii++;
  }
  return ascii > pairs * LEAST_SHARE;
};
