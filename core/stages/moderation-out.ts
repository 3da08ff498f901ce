import type { Reply } from "../contract/reply.ts";
import { filteredProgress } from "../safety/filtered-progress.ts";
import type { ModerationCheck, ModerationGate } from "../safety/moderation-gate.ts";
import { mapAnswer } from "../safety/texts.ts";
import type { Context, Next, Stage } from "../stage.ts";

/** Moderation of what a person is shown, also while it is being written. */
export const moderationOut =
  (gate: ModerationGate): Stage =>
  (context, next) => {
    const check = gate.open(context);
    return check ? judged(check, context, next) : next(context);
  };

const judged = async (check: ModerationCheck, context: Context, next: Next): Promise<Reply> => {
  const { progress, ...rest } = context;
  const filter = check.createFilter;
  const shown = progress && filter && filteredProgress(progress, filter);
  const reply = await next(shown ? { ...rest, progress: shown } : rest);
  if (reply.kind !== "text") return reply;
  const answer = mapAnswer(reply, check.mask);
  return (await check.stop("out", answer)) ?? answer;
};
