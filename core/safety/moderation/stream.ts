import { Cover } from "./cover.ts";
import { Letters } from "./letters.ts";
import type { Lexicon } from "./lexicon.ts";
import { maskText } from "./mask.ts";
import { Scan, type Verdict } from "./scan.ts";

/** What comes out at the end of a text. */
export interface ModeratedRest {
  readonly text: string;
  /** By lexicon. */
  readonly verdicts: readonly Verdict[];
}

/**
 * Lets a text through while it is being written, terms to be masked masked, and holds back only what
 * could still become a hit: at most the longest term with what may stand between its letters. Once a
 * term blocks the text or has it reviewed, nothing more comes out. Any split of a text into pieces
 * gives the same verdict, and the same text in all.
 */
export class ModerationStream {
  readonly #cover = new Cover();
  readonly #scans: readonly Scan[];
  #held = "";
  #released = 0;

  constructor(lexicons: readonly Lexicon[]) {
    this.#scans = lexicons.map((lexicon) => new Scan(lexicon, new Letters(), this.#cover));
  }

  /** Takes the next piece; what may go out now, "" for nothing. */
  push(piece: string): string {
    this.#held += piece;
    for (const scan of this.#scans) scan.push(piece);
    const end = this.#released + this.#held.length;
    return this.#release(Math.min(end, ...this.#scans.map((scan) => scan.settledUntil)));
  }

  /** The text is at its end; the rest of it and the verdict on all of it. */
  finish(): ModeratedRest {
    const verdicts = this.#scans.map((scan) => scan.finish());
    return { text: this.#release(this.#released + this.#held.length), verdicts };
  }

  #release(until: number): string {
    if (this.#scans.some(({ action }) => action === "block" || action === "review")) {
      this.#held = "";
      return "";
    }
    const from = this.#released;
    const spans = this.#cover.spansFrom(from);
    // A hit is masked as a whole, so that its stars do not depend on the pieces.
    const cut = spans.find(({ start, end }) => start < until && end > until)?.start ?? until;
    const length = Math.max(0, cut - from);
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#released += length;
    return maskText(
      text,
      spans.map(({ start, end }) => ({
        start: Math.max(0, start - from),
        end: Math.min(length, end - from),
      })),
    );
  }
}
