import { countsText } from "../counts.ts";
import type { Action } from "./lexicon.ts";
import { maskText } from "./mask.ts";
import { type Moderation, stronger } from "./moderation.ts";
import type { Hit } from "./scan.ts";

/** Looks for terms in several texts that belong together, and keeps what was found. */
export class TermCheck {
  readonly #moderation: Moderation;
  readonly #texts: string[] = [];
  readonly #hits: Hit[] = [];
  #units = 0;
  #action: Action = "allow";

  constructor(moderation: Moderation) {
    this.#moderation = moderation;
  }

  /** The text as it may go on, where it may. */
  readonly mask = (text: string): string => {
    const { action, hits } = this.#moderation.inspect(text);
    for (const hit of hits) {
      this.#hits.push({ ...hit, start: hit.start + this.#units, end: hit.end + this.#units });
    }
    this.#texts.push(text);
    this.#units += text.length + 1;
    this.#action = stronger(this.#action, action);
    // What is blocked goes nowhere; what needs a reviewer goes on as it is, if it goes on at all.
    const masked = hits.filter((hit) => hit.action === "mask");
    return masked.length === 0 ? text : maskText(text, masked);
  };

  /** The strongest action. */
  get action(): Action {
    return this.#action;
  }

  /** All the texts, a line break between two. */
  get text(): string {
    return this.#texts.join("\n");
  }

  /** Within `text`. */
  get hits(): readonly Hit[] {
    return this.#hits;
  }

  /** For the record: ids of terms, e.g. `T01 2, T02 1`; empty when nothing was found. */
  get summary(): string {
    const counts = new Map<string, number>();
    for (const { id } of this.#hits) counts.set(id, (counts.get(id) ?? 0) + 1);
    return countsText(counts);
  }
}
