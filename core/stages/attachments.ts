import { readAttached } from "../attached-texts.ts";
import type { Stage } from "../stage.ts";

/** Reads the text files that came along, so that what is checked below includes them. */
export const attachments = (): Stage => async (context, next) => {
  const { message, openAttachment } = context;
  if (!openAttachment) return next();
  const attached = await readAttached(message, openAttachment);
  return attached.length === 0 ? next() : next({ ...context, attached });
};
