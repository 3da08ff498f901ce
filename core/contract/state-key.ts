import { createHash } from "node:crypto";

// What channels remember is erased by its key, since its value is sealed: these are the two kinds of
// keys that whoever erases a person, or a message, looks for.

/** Where a channel keeps what is a person's, however their id is spelt. */
export const personKey = (workspaceId: string, senderId: string, ...what: readonly string[]) =>
  [`${PERSON}${workspaceId.toLowerCase()}`, senderId.toLowerCase(), ...what].join("/");

const PERSON = "person/";

/**
 * What a channel calls the state in which it keeps words of an answer, as one segment of the key or as
 * the last word of one behind a dot: made of the id of the message that is answered, or of workspace,
 * app and address of a conversation. 22 digits, 132 bits.
 */
export const stateName = (...parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("\0")).digest("base64url").slice(0, STATE_NAME_DIGITS);

/** How long such a name is. */
export const STATE_NAME_DIGITS = 22;
