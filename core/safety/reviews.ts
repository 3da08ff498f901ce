import type { Direction } from "../../config/detectors.ts";
import type { Reply } from "../contract/reply.ts";
import { refuse } from "../refuse.ts";
import type { Context } from "../stage.ts";
import type { Hit } from "./moderation/scan.ts";

/** Where a text goes that a person has to look at before it may go on. */
export interface Reviews {
  /**
   * Holds a turn or its answer back; resolves to what the person is told. `hits` lie within `text`,
   * and are empty where a classifier asked for the review.
   */
  hold(context: Context, direction: Direction, text: string, hits: readonly Hit[]): Promise<Reply>;
}

/** For a gateway without reviewers: what needs a review is refused. */
export const noReviewers: Reviews = {
  hold: async ({ locale }) => refuse("CONTENT_HELD", locale),
};
