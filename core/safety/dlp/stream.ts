import type { DlpAction } from "../../../config/detectors.ts";
import { scratch } from "../scratch.ts";
import type { DlpVerdict } from "./dlp.ts";
import type { Finding } from "./finding.ts";
import type { Folded } from "./folded.ts";
import { createOpenTail } from "./open-tail.ts";
import type { Spans } from "./spans.ts";

/** What may leave by now. */
export interface DlpPiece {
  /** As it came in. */
  readonly text: string;
  /** Within `text`. */
  readonly entities: readonly Finding[];
  /** The strongest of these entities'. */
  readonly action: DlpAction;
}

/** Judges a text that comes in pieces, holding back what could still become part of an entity. */
export interface DlpStream {
  /** Takes the next piece; the answer may be empty. The pieces together are the text. */
  push(chunk: string): DlpPiece;
  /** The rest. */
  end(): DlpPiece;
  /** Of everything that was let go so far, with offsets in the whole text. */
  verdict(): DlpVerdict;
}

/** What was found in a text that may go on; it may lie in the scratch memory. */
export interface OpenSearch {
  readonly folded: Folded;
  readonly entities: readonly Finding[];
  /** Everything found, overlaps included. */
  readonly spans: Spans;
  /** What rules find before this offset stays as it is whatever follows. */
  readonly settled: number;
}

// Detectors look this far back for words that tell what a number is, in folded characters.
const CONTEXT = 192;

/** `search` finds the entities from an offset on; what stands before is context. */
export const createDlpStream = (
  search: (text: string, from: number) => OpenSearch,
  actionOf: (entities: readonly Finding[]) => DlpAction,
): DlpStream => {
  let buffer = "";
  /** How much of the buffer has left: it is kept as context. */
  let released = 0;
  let releasedBefore = 0;
  let searchedLength = 0;
  const all: Finding[] = [];

  const take = (upTo: number, found: readonly Finding[], folded: Folded): DlpPiece => {
    const entities = found
      .filter(({ start }) => start < upTo)
      .map(({ type, start, end }) => ({ type, start: start - released, end: end - released }));
    const piece = { text: buffer.slice(released, upTo), entities, action: actionOf(entities) };
    for (const { type, start, end } of entities) {
      all.push({ type, start: start + releasedBefore, end: end + releasedBefore });
    }
    releasedBefore += piece.text.length;
    const kept = Math.min(upTo, folded.startOf(Math.max(0, indexAt(folded, upTo) - CONTEXT)));
    buffer = buffer.slice(kept);
    released = upTo - kept;
    searchedLength = buffer.length;
    return piece;
  };

  return {
    push(chunk) {
      buffer += chunk;
      const held = buffer.length - released;
      // Searching only once a share of new text has come keeps the cost of many pieces linear.
      if (buffer.length - searchedLength < held / 8)
        return { text: "", entities: [], action: "allow" };
      return scratch.during(() => {
        const found = search(buffer, released);
        return take(Math.max(released, closedUpTo(found)), found.entities, found.folded);
      });
    },
    end() {
      return scratch.during(() => {
        const { folded, entities } = search(buffer, released);
        return take(buffer.length, entities, folded);
      });
    },
    verdict: () => ({ action: actionOf(all), entities: [...all] }),
  };
};

/** The last index in the folded text that lies at or before an offset of the original. */
const indexAt = (folded: Folded, offset: number): number => {
  let low = 0;
  let high = folded.text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (folded.startOf(middle) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** Offset up to which nothing can change, cutting through nothing that was found. */
const closedUpTo = ({ folded, spans, settled }: OpenSearch): number => {
  const openTail = createOpenTail(folded.text);
  const isInside = insidesOf(spans, settled);
  for (let upTo = settled; ; ) {
    // What folding leaves out may stand between an offset and the next character that it keeps.
    const closed = Math.min(upTo, folded.startOf(openTail(indexAt(folded, upTo))));
    upTo = closed;
    while (isInside[upTo] === 1) upTo--;
    if (upTo === closed) return closed;
  }
};

/** By offset, up to the last: 1 where a finding goes across. Thousands may overlap, each thousands long. */
const insidesOf = (spans: Spans, last: number): Uint8Array => {
  const ends = scratch.uint32(last + 1);
  for (const offsets of spans.values()) {
    for (let i = 0; i < offsets.length; i += 2) {
      const start = offsets[i] ?? 0;
      ends[start] = Math.max(ends[start] ?? 0, offsets[i + 1] ?? 0);
    }
  }
  const isInside = scratch.uint8(last + 1);
  let reach = 0;
  for (let at = 0; at <= last; at++) {
    if (at < reach) isInside[at] = 1;
    reach = Math.max(reach, ends[at] ?? 0);
  }
  return isInside;
};
