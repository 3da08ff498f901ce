/**
 * Says whether something is to end before it is done, as an AbortController and its signal do. A
 * signal takes 5 us to make, and in most turns nothing listens to it: it is made when it is first
 * asked for.
 */
export class TurnSignal {
  // Node makes a controller's signal no sooner, either.
  readonly #controller = new AbortController();
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#aborted ? this.abortSignal.reason : undefined;
  }

  throwIfAborted(): void {
    if (this.#aborted) this.abortSignal.throwIfAborted();
  }

  abort(reason?: unknown): void {
    this.#aborted = true;
    this.#controller.abort(reason);
  }

  /** For what waits, and ends when it hears of it. */
  get abortSignal(): AbortSignal {
    return this.#controller.signal;
  }
}
