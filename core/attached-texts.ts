import { AttachmentError } from "./contract/errors.ts";
import type { Attachment } from "./contract/message.ts";
import type { Context } from "./stage.ts";

// Enough for a report or a table; a model's context is not a place for more.
const MAX_BYTES = 256 * 1024;
const MAX_FILES = 4;
const TEXT_NAME =
  /\.(?:txt|md|markdown|csv|tsv|json|jsonl|ya?ml|xml|html?|log|ini|toml|sql|py|js|ts|sh)$/i;

/** What a model is given of the text files that came along: their contents, or why there are none. */
export const attachedTexts = async (context: Context): Promise<string> => {
  const { content } = context.message;
  const { openAttachment } = context;
  if (content.kind !== "text" || !openAttachment) return "";
  const files = (content.attachments ?? [])
    .filter(({ kind, name }) => kind === "file" && TEXT_NAME.test(name))
    .slice(0, MAX_FILES);
  const texts = await Promise.all(
    files.map(async (file) => `\n\n${await contentOf(file, openAttachment)}`),
  );
  return texts.join("");
};

const contentOf = async (
  file: Attachment,
  open: NonNullable<Context["openAttachment"]>,
): Promise<string> => {
  const name = file.name.replace(/[\p{C}"]/gu, " ");
  try {
    const bytes = await readCapped(await open(file));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Every line is marked, so that nothing in the file can end it and speak as the person.
    return `The file "${name}":\n${text.replace(/^/gm, "| ")}`;
  } catch (cause) {
    const reason = cause instanceof AttachmentError ? cause.reason : "no text";
    return `The file "${name}" cannot be read (${reason}).`;
  }
};

const readCapped = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new AttachmentError("too_large", `over ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
