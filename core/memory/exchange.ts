/** A question and its answer, as they went on past the content rules. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}
