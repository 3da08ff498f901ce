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
  const values = new Map<string, string>();
  for (const pair of query.split("&")) {
    const [rawName = "", ...rest] = pair.split("=");
    const name = names.find((wanted) => wanted === rawName);
    if (name === undefined) continue;
    if (values.has(name)) throw new PayloadError(CHANNEL, `query has more than one ${name}`);
    values.set(name, decode(rest.join("="), name));
  }
  const single = (name: Name): [Name, string] => {
    const value = values.get(name);
    if (!value) throw new PayloadError(CHANNEL, `query has no ${name}`);
    return [name, value];
  };
  return Object.fromEntries(names.map(single)) as Record<Name, string>;
};

// A plus sign stays one: it belongs to base64, and none of these values ever holds a space.
const decode = (raw: string, name: string): string => {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new PayloadError(CHANNEL, `query has an unreadable ${name}`, 400, { cause });
  }
};
