import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** A host as somebody wrote it: a name to be judged, an address (never let through), or neither. */
export type Host =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "address" }
  | { readonly kind: "invalid" };

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`);
// What URL parsers take for the last part of an IPv4 address: such a name is never one for DNS.
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Folds a host to the one form in which names are compared: ASCII (IDNA), lower case, without the
 * root's dot. Addresses are recognised in every notation that some client would connect to: short,
 * decimal, octal, hex, IPv6 with and without brackets, full-width digits.
 * @see https://url.spec.whatwg.org/#host-parsing
 */
export const foldHost = (text: string): Host => {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  if (/^\[|:/.test(bare) || isIP(bare) !== 0) return { kind: "address" };
  // Percent signs are refused, not decoded: whoever is next may decode once more than we do.
  if (!/^[^\s%/\\@?#<>^|"`{}]{1,255}$/.test(bare)) return { kind: "invalid" };
  const name = domainToASCII(bare).toLowerCase();
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (isIP(name) !== 0 || NUMBER.test(last)) return { kind: "address" };
  // WHATWG parsers give nothing back for what ends in a number and is no address either.
  if (name === "" && NUMBER.test(bare.normalize("NFKC").toLowerCase().split(".").at(-1) ?? "")) {
    return { kind: "address" };
  }
  if (name.length > 253 || !NAME.test(name)) return { kind: "invalid" };
  return { kind: "name", name };
};

/** Folds `example.com` or `*.example.com`; undefined for what is neither. */
export const foldPattern = (pattern: string): string | undefined => {
  const isSuffix = pattern.startsWith("*.");
  const host = foldHost(isSuffix ? pattern.slice(2) : pattern);
  if (host.kind !== "name") return undefined;
  return isSuffix ? `*.${host.name}` : host.name;
};

/** Whether a folded name is the folded pattern, or lies below its `*.suffix`; the suffix itself does not. */
export const matchesHost = (pattern: string, name: string): boolean =>
  pattern.startsWith("*.")
    ? name.endsWith(pattern.slice(1)) && name !== pattern.slice(2)
    : name === pattern;

/** A host and port as in a CONNECT line or a Host header; the port is undefined when it is not said. */
export const splitAuthority = (
  authority: string,
): { readonly host: string; readonly port: number | undefined } | undefined => {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(authority);
  if (match === null) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host: match[1] ?? "", port };
};
