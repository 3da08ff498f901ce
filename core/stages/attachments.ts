import { type OpenAttachment, readAttached, textFilesOf } from "../attached-texts.ts";
import type { Attachment } from "../contract/message.ts";
import type { Locale } from "../contract/model.ts";
import type { Reply } from "../contract/reply.ts";
import type { Context, Next, Stage } from "../stage.ts";

/**
 * Reads the text files that came along, so that what is checked below includes them. Of what only an
 * administrator can let in, the person is told; other problems are left to the model's words.
 */
export const attachments = (): Stage => (context, next) => {
  const { message, openAttachment } = context;
  const files = openAttachment ? textFilesOf(message) : [];
  return openAttachment && files.length > 0
    ? withTexts(files, openAttachment, context, next)
    : next(context);
};

const withTexts = async (
  files: readonly Attachment[],
  open: OpenAttachment,
  context: Context,
  next: Next,
): Promise<Reply> => {
  const attached = await readAttached(files, open);
  const reply = await next({ ...context, attached });
  const isKeptOut = attached.some(({ problem }) => problem === "not_allowed");
  if (!isKeptOut || reply.kind !== "text") return reply;
  return { ...reply, markdown: `${reply.markdown}\n\n${KEPT_OUT[context.locale]}`.trimStart() };
};

const KEPT_OUT: Readonly<Record<Locale, string>> = {
  en: "A file of this message was not fetched: it is kept at a place that is not allowed here. Please ask your administrator.",
  "zh-Hant": "這則訊息的檔案未能讀取：其存放位置未獲允許，請聯絡管理員。",
  "zh-Hans": "这条消息的文件未能读取：其存放位置未获允许，请联系管理员。",
};
