import { createHash } from "node:crypto";
import { createFoldTable, DROPPED, type FoldTable, isAccent } from "./fold-table.ts";
import { scratch } from "./scratch.ts";
import { unitsOf } from "./units.ts";

/**
 * A text in the form in which texts are compared, with the way back to the original.
 *
 * Folded unit `i` came from the original's UTF-16 units `[starts[i], ends[i])`: one whole character
 * with the accents drawn onto it. Several folded units may share that range (ﬁ gives f and i).
 * Both arrays never decrease.
 */
export interface FoldedText {
  /** The original, and its UTF-16 units. */
  readonly text: string;
  readonly original: Uint16Array;
  /** UTF-16 units; as many as in the two other arrays. */
  readonly units: Uint16Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

const REGIONAL_FIRST = 0x1f1e6;
const REGIONAL_LAST = 0x1f1ff;
const isRegional = (code: number | undefined): boolean =>
  code !== undefined && code >= REGIONAL_FIRST && code <= REGIONAL_LAST;

let shared: FoldTable | undefined;
const sharedTable = (): FoldTable => {
  shared ??= createFoldTable();
  return shared;
};

/** Builds what folding needs, some 100 ms at its first call, so that no message has to wait for it. */
export const prepareFolding = (): void => {
  sharedTable();
};

/** SHA-256 of what each character folds to: another one where tables, or the system's Unicode, say otherwise. */
export const foldingDigest = (): Buffer => {
  const { units, strings } = sharedTable();
  return createHash("sha256")
    .update(units)
    .update(JSON.stringify([...strings]))
    .digest();
};

// For the few that take more room than they had.
const SPARE_UNITS = 16;

/**
 * Folds a text: one pass, each character by itself. Compatibility forms (full width, circled,
 * mathematical …), accents and look-alikes become plain characters, digits of any script ASCII,
 * every kind of space U+0020 and of line break `\n` (CR LF a space and one `\n`); case and Han variants
 * are folded, traditional into simplified; invisible characters vanish. Lone surrogates stay as they are.
 *
 * What is returned lies in the scratch memory, where that is in use.
 */
export const fold = (text: string): FoldedText => {
  const table = sharedTable();
  const original = unitsOf(text);
  let size = text.length + SPARE_UNITS;
  let units = scratch.uint16(size);
  let starts = scratch.uint32(size);
  let ends = scratch.uint32(size);
  let length = 0;
  for (let at = 0; at < original.length; at += 1) {
    const unit = original[at] ?? 0;
    const folded = table.units[unit] ?? DROPPED;
    if (folded !== DROPPED && folded !== 0xffff) {
      units[length] = folded;
      starts[length] = at;
      ends[length] = at + 1;
      length += 1;
      continue;
    }
    const code = text.codePointAt(at) ?? unit;
    const end = code > 0xffff ? at + 2 : at + 1;
    if (isDropped(code, table)) {
      // An accent belongs to the character that it is drawn onto, all the way down the pile.
      if (length > 0 && ends[length - 1] === at && isAccent(code)) {
        for (let of = length - 1; of >= 0 && ends[of] === at; of -= 1) ends[of] = end;
      }
    } else {
      const special = foldSpecial(text, at, code, table);
      const needed = length + special.length + text.length - end;
      if (needed > size) {
        size = size * 2 + special.length;
        units = grown(units, scratch.uint16(size));
        starts = grown(starts, scratch.uint32(size));
        ends = grown(ends, scratch.uint32(size));
      }
      for (let part = 0; part < special.length; part += 1) {
        units[length] = special.charCodeAt(part);
        starts[length] = at;
        ends[length] = end;
        length += 1;
      }
    }
    at = end - 1;
  }
  return {
    text,
    original,
    units: units.subarray(0, length),
    starts: starts.subarray(0, length),
    ends: ends.subarray(0, length),
  };
};

const isDropped = (code: number, { units, strings }: FoldTable): boolean =>
  code < units.length ? units[code] === DROPPED : strings.get(code) === "";

const foldSpecial = (text: string, at: number, code: number, table: FoldTable): string => {
  // Two regional indicators make a flag, which is a picture; one alone is a letter.
  if (isRegional(code) && (isRegional(text.codePointAt(at + 2)) || isRegional(before(text, at)))) {
    return String.fromCodePoint(code);
  }
  const unit = table.units[code];
  if (unit !== undefined && unit !== 0xffff) return String.fromCharCode(unit);
  return table.strings.get(code) ?? text.slice(at, code > 0xffff ? at + 2 : at + 1);
};

const before = (text: string, at: number): number | undefined =>
  at >= 2 ? text.codePointAt(at - 2) : undefined;

const grown = <T extends Uint16Array | Uint32Array>(from: T, into: T): T => {
  into.set(from);
  return into;
};

/** The folded text as a string of as many units; lone surrogates become U+FFFD. */
export const foldedString = ({ units }: FoldedText): string => decoder.decode(units);

const decoder = new TextDecoder("utf-16le", { ignoreBOM: true });
