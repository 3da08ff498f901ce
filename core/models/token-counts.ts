import { z } from "zod";

/** A server's count of tokens. What is no count, below nought or a fraction say, is as good as none. */
export const tokenCount = z.number().int().nonnegative().nullish().catch(undefined);

/**
 * What a server counted for a text, else the most that it can have been, which budgets are held to:
 * servers that do not count say nothing, or nought. Some vendors' tokenizers make a token of each
 * digit, none more than of each byte.
 */
export const countedOr = (count: number | null | undefined, text: string): number =>
  count || Buffer.byteLength(text, "utf8");
