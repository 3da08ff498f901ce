import type { ModerationGate } from "../safety/moderation-gate.ts";
import { mapTurn } from "../safety/texts.ts";
import type { Stage } from "../stage.ts";

/** Moderation of what a person sends; behind data-loss prevention, so classifiers see no more either. */
export const moderationIn =
  (gate: ModerationGate): Stage =>
  async (context, next) => {
    const check = gate.open(context);
    if (!check) return next();
    const changed = mapTurn(context, check.mask);
    return (await check.stop("in")) ?? next(changed);
  };
