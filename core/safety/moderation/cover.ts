/** UTF-16 units `[start, end)` of a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const byStart = (one: Span, other: Span): number => one.start - other.start;

/** What hits cover of a text that is let out part by part. Hits that overlap each other are one span. */
export class Cover {
  /** In the order of the text. */
  #spans: Span[] = [];
  #added: Span[] = [];

  add(start: number, end: number): void {
    this.#added.push({ start, end });
  }

  /**
   * The spans that end behind `from`, which never decreases, in the order of the text. Thousands of hits may
   * hang together, so those of earlier pieces are not looked at one by one again.
   */
  spansFrom(from: number): readonly Span[] {
    const added = this.#added;
    this.#added = [];
    const first = added.reduce(
      (least, { start }) => Math.min(least, start),
      Number.POSITIVE_INFINITY,
    );
    const spans = this.#spans;
    let untouched = spans.length;
    while (untouched > 0 && (spans[untouched - 1]?.end ?? 0) > first) untouched--;
    for (const { start, end } of [...spans.splice(untouched), ...added].sort(byStart)) {
      const last = spans.at(-1);
      if (last && start < last.end) {
        spans[spans.length - 1] = { start: last.start, end: Math.max(last.end, end) };
      } else spans.push({ start, end });
    }
    this.#spans = spans.filter(({ end }) => end > from);
    return this.#spans;
  }
}
