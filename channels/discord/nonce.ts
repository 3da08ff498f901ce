import { createHash } from "node:crypto";

/**
 * What a post is known by: the same for the same name, so that Discord gives back the first message
 * of a nonce instead of making another, for a few minutes. 25 characters, the most there may be.
 * @see https://discord.com/developers/docs/resources/message#create-message
 */
export const nonceOf = (name: string): string => {
  const hash = createHash("sha256").update(name).digest("hex");
  return BigInt(`0x${hash}`).toString(36).padStart(25, "0").slice(-25);
};
