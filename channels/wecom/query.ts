import { PayloadError } from "../../core/contract/errors.ts";
import { CHANNEL } from "./types.ts";

/**
 * The one non-empty value of each name in an undecoded query string. Throws PayloadError when a
 * name is missing, empty, repeated or not decodable; names that nobody asked for are ignored,
 * because the callback's URL may carry its own.
 */
export const readQuery = <Name extends string>(
  query: string,
  names: readonly Name[],
): Readonly<Record<Name, string>> => {
  const values: Partial<Record<Name, string>> = {};
  for (const pair of query.split("&")) {
    const name = names.find((wanted) => pair.startsWith(`${wanted}=`) || pair === wanted);
    if (name === undefined) continue;
    if (name in values) throw new PayloadError(CHANNEL, `query has more than one ${name}`);
    values[name] = decode(pair.slice(name.length + 1), name);
  }
  for (const name of names) {
    if (!values[name]) throw new PayloadError(CHANNEL, `query has no ${name}`);
  }
  return values as Record<Name, string>;
};

// A plus sign stays one: it belongs to base64, and none of these values ever holds a space.
const decode = (raw: string, name: string): string => {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new PayloadError(CHANNEL, `query has an unreadable ${name}`, 400, { cause });
  }
};
