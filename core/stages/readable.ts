import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";

/** Lets text through, and nothing that nobody wrote. Other kinds are answered with a clear "not yet". */
export const readable = (): Stage => (context, next) => {
  const { content } = context.message;
  if (content.kind === "event" || content.kind === "notice") {
    return { kind: "silence", reason: "EVENT_NOT_HANDLED" };
  }
  if (content.kind === "unsupported") return refuse("KIND_UNSUPPORTED", context.locale);
  return next(context);
};
