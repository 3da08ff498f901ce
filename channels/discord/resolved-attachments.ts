import type { Attachment } from "../../core/contract/message.ts";
import { attachmentOf } from "./parse.ts";
import { isPayload, objectIn, type Payload } from "./payload.ts";

/** The files that came with a command. No message holds them, so their addresses are not renewed. */
export const resolvedAttachments = (data: Payload): readonly Attachment[] =>
  Object.values(objectIn(objectIn(data, "resolved"), "attachments") ?? {})
    .filter(isPayload)
    .flatMap((file) => attachmentOf(file));
