import { isPayload } from "./payload.ts";

/** How a file of a message is found again. Its address is signed and dies after about a day. */
export interface AttachmentRef {
  readonly url: string;
  readonly id: string;
  /** Where a new address can be had; absent for a file that came with a command. */
  readonly channelId?: string;
  readonly messageId?: string;
}

export const writeRef = (ref: AttachmentRef): string => JSON.stringify(ref);

/** Undefined for what `writeRef` did not make. */
export const readRef = (ref: string): AttachmentRef | undefined => {
  try {
    const value: unknown = JSON.parse(ref);
    if (!isPayload(value)) return undefined;
    const { url, id, channelId, messageId } = value;
    if (typeof url !== "string" || typeof id !== "string") return undefined;
    return {
      url,
      id,
      ...(typeof channelId === "string" && { channelId }),
      ...(typeof messageId === "string" && { messageId }),
    };
  } catch {
    return undefined;
  }
};
