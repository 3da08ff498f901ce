import type { Direction } from "../../config/detectors.ts";
import type { Answer, Reply } from "../contract/reply.ts";
import type { Context } from "../stage.ts";

/** What a person has to look at before it may go on. */
export interface NeedsReview {
  /** A message, or the answer to one. */
  readonly direction: Direction;
  /** What the person is to read. */
  readonly text: string;
  /** Ids of the terms in it, each once; empty where a classifier asked for the review. */
  readonly terms: readonly string[];
  /** The answer, as it would go on; absent where it is the message. */
  readonly answer?: Answer | undefined;
}

/** Where a turn goes that needs a reviewer. */
export interface Reviews {
  /** Holds a turn or its answer back, stored with the reply; resolves to what the sender is told. */
  hold(context: Context, needed: NeedsReview): Promise<Reply>;
}
