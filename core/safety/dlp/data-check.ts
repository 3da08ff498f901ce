import { countsText } from "../counts.ts";
import type { Dlp } from "./dlp.ts";

/** Looks for data in several texts that belong together, and keeps count of the kinds. */
export class DataCheck {
  readonly #dlp: Dlp;
  readonly #counts = new Map<string, number>();
  #isBlocked = false;

  constructor(dlp: Dlp) {
    this.#dlp = dlp;
  }

  /** The text as it may go on. */
  readonly redact = (text: string): string => {
    const { action, entities } = this.#dlp.inspect(text);
    if (entities.length === 0) return text;
    for (const { type } of entities) this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    this.#isBlocked ||= action === "block";
    return this.#dlp.redact(text, entities);
  };

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get hasFindings(): boolean {
    return this.#counts.size > 0;
  }

  /** What kinds were found, for a person. */
  get kinds(): string {
    return [...this.#counts.keys()].join(", ");
  }

  /** For the record, e.g. `email 2, iban 1`. */
  get summary(): string {
    return countsText(this.#counts);
  }
}
