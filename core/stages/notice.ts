import { noticeText } from "../notices/wording.ts";
import type { Stage } from "../stage.ts";

/**
 * Says what the gateway itself has to tell a contact. Nobody asked, so none of the tenant's rules
 * for questions is asked either, and no model can be: nothing below gets to see it.
 */
export const notice = (): Stage => (context, next) => {
  const { message, tenant, locale, note } = context;
  const { content } = message;
  if (content.kind !== "notice") return next(context);
  note?.("notice", content.notice.kind);
  note?.("month", content.notice.month);
  return { kind: "text", markdown: noticeText(content.notice, tenant.name, locale) };
};
