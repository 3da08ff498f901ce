import type { Lexicon } from "./lexicon.ts";
import { maskText } from "./mask.ts";
import { Scan, type Verdict } from "./scan.ts";

/**
 * Lets a text through while it is being written, terms to be masked masked, and holds back only what
 * could still become a hit: at most the longest term with what may stand between its letters. Once a
 * term blocks the text or has it reviewed, nothing more comes out. Any split of a text into pieces
 * gives the same verdict, and the same text in all.
 */
export class ModerationStream {
  readonly #scan: Scan;
  #held = "";
  #released = 0;

  constructor(lexicon: Lexicon) {
    this.#scan = new Scan(lexicon);
  }

  /** Takes the next piece; what may go out now, "" for nothing. */
  push(piece: string): string {
    this.#held += piece;
    this.#scan.push(piece);
    return this.#release(this.#scan.settledUntil);
  }

  /** The text is at its end; the rest of it and the verdict on all of it. */
  finish(): { readonly text: string; readonly verdict: Verdict } {
    const verdict = this.#scan.finish();
    return { text: this.#release(this.#released + this.#held.length), verdict };
  }

  #release(until: number): string {
    const { action, hits } = this.#scan.verdict();
    if (action === "block" || action === "review") {
      this.#held = "";
      return "";
    }
    // A hit is masked as a whole, so that its stars do not depend on the pieces.
    const open = hits.find(({ start, end }) => start < until && end > until);
    const cut = open ? open.start : until;
    const [from, length] = [this.#released, Math.max(0, cut - this.#released)];
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#released += length;
    return maskText(
      text,
      hits
        .filter(({ end }) => end > from)
        .map(({ start, end }) => ({
          start: Math.max(0, start - from),
          end: Math.min(length, end - from),
        })),
    );
  }
}
