import { readAttached } from "../attached-texts.ts";
import type { Locale } from "../contract/model.ts";
import type { Stage } from "../stage.ts";

/**
 * Reads the text files that came along, so that what is checked below includes them. Of what only an
 * administrator can let in, the person is told; other problems are left to the model's words.
 */
export const attachments = (): Stage => async (context, next) => {
  const { message, openAttachment, locale } = context;
  if (!openAttachment) return next();
  const attached = await readAttached(message, openAttachment);
  if (attached.length === 0) return next();
  const reply = await next({ ...context, attached });
  const isKeptOut = attached.some(({ problem }) => problem === "not_allowed");
  if (!isKeptOut || reply.kind !== "text") return reply;
  return { ...reply, markdown: `${reply.markdown}\n\n${KEPT_OUT[locale]}`.trimStart() };
};

const KEPT_OUT: Readonly<Record<Locale, string>> = {
  en: "A file of this message was not fetched: it is kept at a place that is not allowed here. Please ask your administrator.",
  "zh-Hant": "這則訊息的檔案未能讀取：其存放位置未獲允許，請聯絡管理員。",
  "zh-Hans": "这条消息的文件未能读取：其存放位置未获允许，请联系管理员。",
};
