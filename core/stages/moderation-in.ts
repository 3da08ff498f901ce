import type { Reply } from "../contract/reply.ts";
import type { ModerationCheck, ModerationGate } from "../safety/moderation-gate.ts";
import { mapTurn } from "../safety/texts.ts";
import type { Context, Next, Stage } from "../stage.ts";

/** Moderation of what a person sends; behind data-loss prevention, so classifiers see no more either. */
export const moderationIn =
  (gate: ModerationGate): Stage =>
  (context, next) => {
    const check = gate.open(context);
    return check ? judged(check, context, next) : next(context);
  };

const judged = async (check: ModerationCheck, context: Context, next: Next): Promise<Reply> => {
  const changed = mapTurn(context, check.mask);
  return (await check.stop("in")) ?? (await next(changed));
};
