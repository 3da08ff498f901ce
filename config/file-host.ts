import { domainToASCII } from "node:url";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// Two labels at least: what has one is a name of one's own network, or, behind `*.`, half the internet.
// What ends in a number is an address, in some notation, to parsers of URLs.
const NAME = new RegExp(`^(?:${LABEL}\\.)+(?=[a-z])${LABEL}$`);
const OWN_NETWORK = /\.(?:localhost|local|internal|home\.arpa)$/;

/**
 * `host` or `*.host` as a parser of URLs writes it: lower case, ASCII. Undefined for all else, and
 * for what is no name of the public internet: addresses, and names of one's own network.
 */
export const foldFileHost = (entry: string): string | undefined => {
  const [, prefix = "", given = ""] = /^(\*\.)?(.*)$/s.exec(entry) ?? [];
  // Only letters of some script are left to fold: a parser drops or decodes what else there may be.
  if (!/^[\p{L}\p{N}\p{M}.-]+$/u.test(given)) return undefined;
  const name = domainToASCII(given);
  return name.length <= 253 && NAME.test(name) && !OWN_NETWORK.test(name)
    ? `${prefix}${name}`
    : undefined;
};

/** Whether `hostname`, of a parsed URL, is one of the folded entries or lies below its `*.host`. */
export const isFileHost = (entries: readonly string[], hostname: string): boolean =>
  entries.some((entry) =>
    entry.startsWith("*.") ? hostname.endsWith(entry.slice(1)) : hostname === entry,
  );
