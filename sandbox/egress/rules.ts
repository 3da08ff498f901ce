import { matchesGlob } from "./glob.ts";
import { matchesHost } from "./host-name.ts";

/**
 * What may be asked of one host. Rules only narrow what the settings allow; a host and port without
 * an entry are not looked into.
 */
export interface EndpointRules {
  /** Folded exact name, or `*.suffix`, as in `allowed_domains`. */
  readonly host: string;
  /** Ports that this entry is about, as asked for; empty means every port. */
  readonly ports: readonly number[];
  /**
   * `terminate`: inside, a certificate authority of this one run is trusted, the proxy ends TLS and
   * judges each request. `passthrough`: TLS is not looked into, so a connection to a host whose
   * requests are restricted is refused.
   */
  readonly tls: "passthrough" | "terminate";
  /** One of these must fit; empty means that everything which is not denied passes. */
  readonly allow: readonly RequestRule[];
  /** None of these may fit; they win over `allow`. */
  readonly deny: readonly RequestRule[];
}

/** Describes requests; all parts must fit. */
export interface RequestRule {
  /** Upper case, or `*`. `GET` covers HEAD too. */
  readonly method: string;
  /** Glob over the path without its query: `*` within a segment, `**` across segments, `?` one character. */
  readonly path: string;
  /** By parameter, decoded; a value fits when one of the globs (`*`, `?`) does. Empty means any query. */
  readonly query: Readonly<Record<string, readonly string[]>>;
}

/** What of a request the rules look at. */
export interface RequestView {
  readonly method: string;
  /** As sent, with its query. */
  readonly target: string;
}

/** The entries about a host and port. */
export const endpointsFor = (
  rules: readonly EndpointRules[],
  host: string,
  port: number,
): readonly EndpointRules[] =>
  rules.filter(
    (entry) =>
      matchesHost(entry.host, host) && (entry.ports.length === 0 || entry.ports.includes(port)),
  );

/** Whether anything about requests is restricted, so that an encrypted one cannot be judged. */
export const restrictsRequests = (entries: readonly EndpointRules[]): boolean =>
  entries.some(({ deny }) => deny.length > 0) ||
  (entries.length > 0 && entries.every(({ allow }) => allow.length > 0));

/** Judges a request by the entries about its host: undefined when it may pass, else why not. */
export const requestProblem = (
  entries: readonly EndpointRules[],
  request: RequestView,
): string | undefined => {
  if (!restrictsRequests(entries)) return undefined;
  const [path = "", ...rest] = request.target.split("?");
  const query = new URLSearchParams(rest.join("?"));
  // Two readers of such a path may see two different ones; only one of them would be judged.
  if (isAmbiguous(path))
    return "the path has dot segments, doubled slashes or escapes that rules cannot judge";
  const plain = decodePath(path);
  const fits = (rule: RequestRule, every: boolean) =>
    fitsMethod(rule.method, request.method) &&
    matchesGlob(rule.path, plain, "/") &&
    fitsQuery(rule.query, query, every);
  for (const { deny } of entries) {
    const rule = deny.find((candidate) => fits(candidate, false));
    if (rule !== undefined) return `denied by the rule ${rule.method} ${rule.path}`;
  }
  const isAllowed = entries.some(
    ({ allow }) => allow.length === 0 || allow.some((candidate) => fits(candidate, true)),
  );
  return isAllowed ? undefined : `no rule allows ${request.method} here`;
};

const fitsMethod = (wanted: string, method: string): boolean =>
  wanted === "*" || wanted === method || (wanted === "GET" && method === "HEAD");

/** To be allowed every value must fit; to be denied one is enough. */
const fitsQuery = (wanted: RequestRule["query"], query: URLSearchParams, every: boolean): boolean =>
  Object.entries(wanted).every(([name, globs]) => {
    const values = query.getAll(name);
    const fits = (value: string) => globs.some((glob) => matchesGlob(glob, value, ""));
    return values.length > 0 && (every ? values.every(fits) : values.some(fits));
  });

const isAmbiguous = (path: string): boolean =>
  !path.startsWith("/") ||
  /\/\/|\\|[;]|%(?:2f|5c|25|3b|[01]|7f)|[^\x21-\x7e]/i.test(path) ||
  /%(?![0-9a-f]{2})/i.test(path) ||
  path
    .replace(/%2e/gi, ".")
    .split("/")
    .some((part) => part === "." || part === "..");

const decodePath = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // not UTF-8: such a path fits only what names it letter by letter
  }
};
