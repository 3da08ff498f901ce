import type { FoundLink } from "./find-links.ts";

// Nobody needs more to point at a page; a search or a campaign has less.
const MAX_VALUE_UNITS = 80;
const MAX_QUERY_UNITS = 200;
const MAX_SEGMENT_UNITS = 120;
const RANDOM_UNITS = 24;

/** Where an address leads: `none` = nowhere, `unreadable` = a scheme with something that is no host. */
export const parsePlace = (text: string): URL | "none" | "unreadable" => {
  const full = withScheme(text);
  if (full === undefined) return "none";
  return URL.canParse(full) ? new URL(full) : "unreadable";
};

const withScheme = (text: string): string | undefined => {
  if (/^https?:/i.test(text)) return text.replace(/^(https?):[/\\]*/i, "$1://");
  if (/^mailto:/i.test(text) || /^[a-z][a-z0-9+.-]*:[/\\]{2}/i.test(text)) return text;
  if (/^[/\\]{2}/.test(text)) return `https://${text.slice(2)}`;
  return /^(?:[\w-]+\.)+[a-z]{2,24}(?::\d+)?(?:[/?#]|$)/i.test(text)
    ? `https://${text}`
    : undefined;
};

/** Whether there is more behind the path than pointing at a page takes. */
export const isLarge = ({ search, hash }: URL): boolean =>
  search.length > MAX_QUERY_UNITS || hash.length > MAX_QUERY_UNITS;

/** What an address could carry, decoded. */
export interface Cargo {
  /** Its maker's to choose: names and values of the query, the fragment. */
  readonly free: readonly string[];
  readonly path: readonly string[];
  readonly host: readonly string[];
}

export const cargoOf = (url: URL): Cargo => {
  const hash = decoded(url.hash.slice(1));
  return {
    free: [...[...url.searchParams].flat().map(decoded), hash, ...hash.split(/[&=]/)],
    path: url.pathname.split("/").map(decoded),
    host: url.hostname.split("."),
  };
};

/** Everything in it as one text in which nothing goes on from one piece to the next, but where it may. */
export const cargoText = (cargo: Cargo): string => {
  const lists = [cargo.free, cargo.path, cargo.host];
  const pieces = lists.flatMap((list) => [
    ...list,
    ...list.flatMap(hiddenTexts),
    // A number may be spread over several of them, or what it is encoded as.
    list.join(" "),
    list.join(""),
    ...hiddenTexts(list.join("")),
  ]);
  return pieces.join("\n。\n");
};

/** Percent-encoding may be wrapped in percent-encoding. */
const decoded = (text: string): string => {
  let plain = text;
  for (let turn = 0; turn < 3 && plain.includes("%"); turn++) {
    try {
      plain = decodeURIComponent(plain);
    } catch {
      break;
    }
  }
  return plain;
};

/** Whether it holds something encoded, or more than pointing at a page takes. */
export const isSuspicious = ({ free, path, host }: Cargo, kind: FoundLink["kind"]): boolean => {
  const random = [...free, ...host, ...(kind === "image" ? path : [])];
  return (
    free.some((text) => text.length > MAX_VALUE_UNITS) ||
    path.some((text) => text.length > MAX_SEGMENT_UNITS) ||
    random.some(isRandom) ||
    [...free, ...path, ...host].some((text) => hiddenTexts(text).length > 0)
  );
};

/** Letters and digits in no order: a key, or something encoded. */
const isRandom = (text: string): boolean => {
  const longest = text.match(/[A-Za-z0-9+/_=-]+/g)?.reduce((a, b) => (b.length > a.length ? b : a));
  if (!longest || longest.length < RANDOM_UNITS) return false;
  if (!/\d/.test(longest) || !/[A-Za-z]/.test(longest)) return false;
  const counts = new Map<string, number>();
  for (const char of longest) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    bits -= (count / longest.length) * Math.log2(count / longest.length);
  }
  return bits > 3;
};

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LEAST_HIDDEN = 12;

/** Readable texts that parts of this one are an encoding of. */
const hiddenTexts = (text: string): readonly string[] => {
  const found: string[] = [];
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)) {
    const bytes: Uint8Array<ArrayBuffer>[] = [new Uint8Array(Buffer.from(run, "base64"))];
    // 0x3f2a…, 3f2a-9b01-…
    const digits = run.replace(/^0x|[-_+/]/gi, "");
    if (/^(?:[0-9a-f]{2})+$/i.test(digits)) bytes.push(new Uint8Array(Buffer.from(digits, "hex")));
    if (/^[a-z2-7]+=*$/i.test(digits)) bytes.push(fromBase32(digits));
    for (const each of bytes) {
      const readable = readableText(withoutNulls(each));
      if (readable !== undefined) found.push(readable);
    }
  }
  return found;
};

/** UTF-16 has a NUL in every Latin character. */
const withoutNulls = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const rest = bytes.filter((byte) => byte !== 0);
  return rest.length * 3 <= bytes.length * 2 ? rest : bytes;
};

const readableText = (bytes: Uint8Array<ArrayBuffer>): string | undefined => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.length >= LEAST_HIDDEN && !/[\p{Cc}\p{Cn}\p{Co}]/u.test(text.trim())
      ? text
      : undefined;
  } catch {
    return undefined;
  }
};

const fromBase32 = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text.toUpperCase().replace(/=+$/, "")) {
    value = ((value << 5) | BASE32.indexOf(char)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Uint8Array.from(bytes);
};
