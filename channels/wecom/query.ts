import { PayloadError } from "../../core/contract/errors.ts";
import { CHANNEL } from "./types.ts";

/**
 * The one non-empty value of a name in an undecoded query string's pairs, split at `&`. Throws
 * PayloadError when it is missing, empty, repeated or not decodable; names that nobody asks for may
 * be there, because the callback's URL may carry its own.
 */
export const queryValue = (pairs: readonly string[], name: string): string => {
  let raw: string | undefined;
  for (const pair of pairs) {
    if (!pair.startsWith(name)) continue;
    if (pair.length > name.length && pair[name.length] !== "=") continue;
    if (raw !== undefined) throw new PayloadError(CHANNEL, `query has more than one ${name}`);
    raw = pair.slice(name.length + 1);
  }
  if (!raw) throw new PayloadError(CHANNEL, `query has no ${name}`);
  return raw.includes("%") ? decode(raw, name) : raw;
};

// A plus sign stays one: it belongs to base64, and none of these values ever holds a space.
const decode = (raw: string, name: string): string => {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new PayloadError(CHANNEL, `query has an unreadable ${name}`, 400, { cause });
  }
};
