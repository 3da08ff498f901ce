import { foldHost, foldPattern } from "../egress/host-name.ts";

/** A host of a policy, in the words of our own allowlist. */
export type HostGrant =
  /** The same hosts. */
  | { readonly kind: "same"; readonly host: string }
  /** `*.suffix` of a policy ends at one label, ours does not. */
  | { readonly kind: "wider"; readonly host: string }
  /** Cannot be said, or must not be reached; `around` covers all that it means. */
  | { readonly kind: "none"; readonly why: string; readonly around?: string };

/** What is wrong with a host pattern; undefined when OpenShell takes it. */
export const hostProblem = (host: string): string | undefined => {
  if (!host.includes("*")) {
    return foldHost(host).kind === "invalid" ? "a host name or an address" : undefined;
  }
  const [first = "", ...rest] = host.split(".");
  if (rest.length < 2) return "a wildcard with three labels or more, e.g. *.example.com";
  if (first.includes("**") && first !== "**") return "** as the whole first label only";
  if (rest.some((label) => label.includes("*") && label !== "*")) {
    return "* as a whole label after the first one, and ** as the first one only";
  }
  return foldHost(host.replace(/\*+/g, "x")).kind === "name" ? undefined : "a host name";
};

/** Says a host of a policy in the words of `openshell.network.allowed_domains`. */
export const grantOf = (host: string): HostGrant => {
  if (!host.includes("*")) {
    const folded = foldHost(host);
    if (folded.kind === "name") return { kind: "same", host: folded.name };
    return { kind: "none", why: "an address is never let through here, only names are" };
  }
  const labels = host.split(".");
  const lastWildcard = labels.findLastIndex((label) => label.includes("*"));
  const suffix = foldPattern(`*.${labels.slice(lastWildcard + 1).join(".")}`);
  if (suffix !== undefined && host.startsWith("**.") && lastWildcard === 0) {
    return { kind: "same", host: suffix };
  }
  if (suffix !== undefined && host.startsWith("*.") && lastWildcard === 0) {
    return { kind: "wider", host: suffix };
  }
  const why = "a wildcard here stands for whole labels at the front only";
  return { kind: "none", why, ...(suffix !== undefined && { around: suffix }) };
};

/** Whether some host may be meant by both patterns of a policy; yes when that is hard to say. */
export const mayMeet = (left: string, right: string): boolean =>
  labelsMeet(left.toLowerCase().split("."), right.toLowerCase().split("."));

const labelsMeet = (left: readonly string[], right: readonly string[]): boolean => {
  const [a, ...leftRest] = left;
  const [b, ...rightRest] = right;
  if (a === undefined || b === undefined) return a === b;
  // `**` stands first only, for one label or more: what follows it has to meet the other's end.
  if (a === "**" || b === "**") {
    const tail = a === "**" ? leftRest : rightRest;
    const other = a === "**" ? right : left;
    if (other[0] === "**") return tailsMeet(leftRest, rightRest);
    return other.length > tail.length && tailsMeet(tail, other);
  }
  return (a === b || a.includes("*") || b.includes("*")) && labelsMeet(leftRest, rightRest);
};

const tailsMeet = (left: readonly string[], right: readonly string[]): boolean => {
  const length = Math.min(left.length, right.length);
  return labelsMeet(left.slice(left.length - length), right.slice(right.length - length));
};
