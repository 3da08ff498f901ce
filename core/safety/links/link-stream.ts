import type { TextFilter } from "../filtered-progress.ts";
import { findLinks } from "./find-links.ts";
import type { LinkCheck } from "./link-check.ts";

// How far a label lies before its address, and then some.
const CONTEXT_UNITS = 1200;
const PART_OF_WORD = /[!-~\p{Cf}]/u;

/** Lets a text through while it is being written, an address only once it is complete and judged. */
export const createLinkStream = (links: LinkCheck, removed: string): TextFilter => {
  let buffer = "";
  /** How much of the buffer was let through: it is kept as context. */
  let released = 0;
  let searched = 0;
  return (piece) => {
    buffer += piece;
    // Looking only once a share of new text has come keeps the cost of many pieces linear.
    if (buffer.length - searched < (buffer.length - released) / 8) return "";
    searched = buffer.length;
    const until = closedUpTo(buffer, released);
    if (until <= released) return "";
    const offending = links
      .offendingIn(buffer, released)
      .filter(({ start }) => start < until)
      .map((link) => ({ ...link, start: link.start - released, end: link.end - released }));
    const out = links.replace(buffer.slice(released, until), offending, removed);
    const dropped = Math.max(0, until - CONTEXT_UNITS);
    buffer = buffer.slice(dropped);
    released = until - dropped;
    searched = buffer.length;
    return out;
  };
};

/** Up to where no address can begin or go on, whatever follows. */
const closedUpTo = (text: string, from: number): number => {
  let closed = text.length;
  while (closed > from && PART_OF_WORD.test(text[closed - 1] ?? "")) closed--;
  for (const { start, end, greedyEnd } of findLinks(text, from)) {
    // What trails an address may still turn out to belong to it.
    if (Math.max(end, greedyEnd) >= closed - 1 && start < closed) closed = start;
  }
  return Math.max(from, closed);
};
