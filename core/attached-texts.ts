import { AttachmentError } from "./contract/errors.ts";
import type { Attachment, InboundMessage } from "./contract/message.ts";
import { decodeText } from "./decode-text.ts";

// Enough for a report or a table; a model's context is not a place for more.
const MAX_BYTES = 256 * 1024;
const MAX_FILES = 4;
// Without an ending it may be one: README is, and some platforms tell no more than an id.
const TEXT_NAME =
  /^[^.]+$|\.(?:txt|md|markdown|csv|tsv|json|jsonl|ya?ml|xml|html?|log|ini|toml|sql|py|js|ts|sh)$/i;

/** A text file that came with a message: what stands in it, or why that cannot be read. */
export type AttachedText = { readonly name: string } & (
  | { readonly text: string; readonly problem?: never }
  | { readonly text?: never; readonly problem: string }
);

/** The bytes of a file that came with a message. Throws AttachmentError. */
export type OpenAttachment = (attachment: Attachment) => Promise<ReadableStream<Uint8Array>>;

/** The files of a message that are read as text, at most `MAX_FILES`. */
export const textFilesOf = ({ content }: InboundMessage): readonly Attachment[] =>
  content.kind === "text" && content.attachments
    ? content.attachments
        .filter(({ kind, name }) => kind === "file" && TEXT_NAME.test(name))
        .slice(0, MAX_FILES)
    : [];

/** Reads text files that came with a message. Does not throw. */
export const readAttached = (
  files: readonly Attachment[],
  open: OpenAttachment,
): Promise<readonly AttachedText[]> => Promise.all(files.map((file) => readOne(file, open)));

/** What a model is given of them. */
export const attachedPrompt = (attached: readonly AttachedText[]): string =>
  attached
    .map(({ name, text, problem }) => {
      const shown = name.replace(/[\p{C}"]/gu, " ");
      return text === undefined
        ? `\n\nThe file "${shown}" cannot be read (${problem}).`
        : // Every line is marked, so that nothing in the file can end it and speak as the person.
          `\n\nThe file "${shown}":\n${text.replace(/^/gm, "| ")}`;
    })
    .join("");

const readOne = async (file: Attachment, open: OpenAttachment): Promise<AttachedText> => {
  const { name } = file;
  try {
    const text = decodeText(await readCapped(await open(file)));
    return text === undefined ? { name, problem: "no text" } : { name, text };
  } catch (cause) {
    return { name, problem: cause instanceof AttachmentError ? cause.reason : "no text" };
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
