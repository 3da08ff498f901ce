import type { Attachment } from "../../core/contract/message.ts";
import { type JsonObject, objectsIn, textIn } from "./json.ts";
import { isSlackId } from "./types.ts";

/** What is remembered of a file until its bytes are wanted. */
export interface FileRef {
  /** `F…`. */
  readonly id: string;
  /** Where the bytes are; absent where `files.info` has to be asked first, as in shared rooms. */
  readonly url?: string;
}

/**
 * The files that came with a message; those that are gone or hidden are left out.
 * @see https://docs.slack.dev/reference/objects/file-object
 */
export const readAttachments = (message: JsonObject): readonly Attachment[] =>
  objectsIn(message, "files").flatMap((file) => {
    const id = textIn(file, "id");
    const mode = textIn(file, "mode");
    if (!isSlackId(id) || mode === "tombstone" || mode === "hidden_by_limit") return [];
    const mimeType = textIn(file, "mimetype") ?? "";
    const url = textIn(file, "url_private_download") ?? textIn(file, "url_private");
    const ref: FileRef = { id, ...(url !== undefined && { url }) };
    const { size } = file;
    const isKnownSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
    return [
      {
        kind: kindOf(mimeType, textIn(file, "subtype")),
        name: textIn(file, "name") ?? textIn(file, "title") ?? id,
        ...(isKnownSize && { sizeBytes: size }),
        ref: JSON.stringify(ref),
      },
    ];
  });

const kindOf = (mimeType: string, subtype: string | undefined): Attachment["kind"] => {
  if (mimeType.startsWith("image/")) return "image";
  if (mimeType.startsWith("audio/") || subtype === "slack_audio") return "voice";
  return mimeType.startsWith("video/") ? "video" : "file";
};
