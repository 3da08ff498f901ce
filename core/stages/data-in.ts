import { refuse } from "../refuse.ts";
import { DataCheck } from "../safety/dlp/data-check.ts";
import type { SafetyOf } from "../safety/tenant-safety.ts";
import { mapTurn } from "../safety/texts.ts";
import type { Stage } from "../stage.ts";

/**
 * Data-loss prevention of what a person sends: their words, what they quote, and the texts that came
 * along. Below this stage nobody sees more of it than may go to models, skills and memory.
 */
export const dataIn =
  (safetyOf: SafetyOf): Stage =>
  (context, next) => {
    const { dlp } = safetyOf(context.tenant.id);
    if (!dlp) return next(context);
    const check = new DataCheck(dlp.in);
    const changed = mapTurn(context, check.redact);
    if (!check.hasFindings) return next(context);
    context.note?.("data_in", check.summary);
    if (check.isBlocked) return refuse("DATA_BLOCKED", context.locale, check.kinds);
    return next({ ...changed, isSensitive: true });
  };
