import { foldHost, splitAuthority } from "./host-name.ts";

/** How a request came to the proxy, which says in what form it has to be. */
export type Via =
  /** An HTTP proxy was asked: absolute form. */
  | { readonly kind: "proxy" }
  /** A client that knows of no proxy was led here by /etc/hosts: origin form, Host decides. */
  | { readonly kind: "direct" }
  /** Inside TLS that the proxy ended: origin form, to this host only. */
  | { readonly kind: "terminated"; readonly host: string; readonly port: number };

/** What Node's parser found; nothing of it is trusted yet. */
export interface RawHead {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
}

type Headers = readonly (readonly [name: string, value: string])[];

export type RequestHead =
  | {
      readonly ok: true;
      readonly host: string;
      readonly port: number;
      /** Path and query. */
      readonly target: string;
      /** Without Host and what concerns this connection only. */
      readonly headers: Headers;
    }
  | {
      readonly ok: false;
      readonly status: 400 | 403;
      readonly rule: string;
      /** As far as it could be read. */
      readonly host?: string;
      readonly port?: number;
    };

// @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
const HOP_BY_HOP = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Whoever drops these changes what the request is, or where it ends. */
const NOT_TO_BE_DROPPED = ["authorization", "content-length", "cookie", "host"];
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** Reads where a request wants to go, and refuses whatever two readers could understand differently. */
export const readRequestHead = (raw: RawHead, via: Via): RequestHead => {
  const headers = pairsOf(raw.rawHeaders);
  const values = (name: string) =>
    headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  const problem = framingProblem(headers, values);
  if (problem !== undefined) return { ok: false, status: 400, rule: problem };
  const place =
    via.kind === "proxy" ? absolutePlace(raw.url) : originPlace(raw.url, values("host"));
  if (typeof place === "string") return { ok: false, status: 400, rule: place };
  const usualPort = via.kind === "terminated" ? HTTPS_PORT : HTTP_PORT;
  const port = place.port ?? usualPort;
  const host = foldHost(place.host);
  if (host.kind !== "name") return notAName(place.host, port, host.kind);
  const found = { host: host.name, port };
  const refuse = (rule: string) => ({ ok: false, status: 403, rule, ...found }) as const;
  if (via.kind === "proxy" && !isSamePlace(values("host"), found, usualPort)) {
    return refuse("the Host header is not the host of the URL");
  }
  if (via.kind === "terminated" && (host.name !== via.host || port !== via.port)) {
    return refuse("the Host header is not the host of the connection");
  }
  if (values("upgrade").length > 0) return refuse("upgrades are not passed on");
  if (raw.method === "TRACE") return refuse("TRACE is not passed on");
  return { ok: true, ...found, target: place.target, headers: endToEnd(headers, values) };
};

/** The refusal of a host that is an address, or nothing at all. */
export const notAName = (
  text: string,
  port: number,
  kind: "address" | "invalid",
): RequestHead & { ok: false } => ({
  ok: false,
  status: kind === "address" ? 403 : 400,
  rule:
    kind === "address"
      ? "addresses are refused: ask for a host by its name"
      : "the host is no host name",
  host: quoted(text),
  port,
});

/** Somebody's words as they may stand in a record: an address as it came, anything else in quotes. */
export const quoted = (text: string): string =>
  /^[0-9A-Za-z.:[\]_-]{1,100}$/.test(text) ? text : JSON.stringify(text.slice(0, 100));

/** Whether Host, if it is there, names the same place; without a port the usual one is meant. */
export const isSamePlace = (
  hostValues: readonly string[],
  expected: { readonly host: string; readonly port: number },
  usualPort: number,
): boolean => {
  const [value] = hostValues;
  if (value === undefined) return true;
  const place = splitAuthority(value);
  const host = foldHost(place?.host ?? "");
  return (
    host.kind === "name" &&
    host.name === expected.host &&
    (place?.port ?? usualPort) === expected.port
  );
};

export const pairsOf = (rawHeaders: readonly string[]): Headers =>
  rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""] as const] : [],
  );

/** Headers that go past this connection. */
export const endToEnd = (
  headers: Headers,
  values: (name: string) => readonly string[],
): Headers => {
  const named = new Set(tokensOf(values("connection")));
  return headers.filter(([name]) => {
    const folded = name.toLowerCase();
    return folded !== "host" && !HOP_BY_HOP.has(folded) && !named.has(folded);
  });
};

const framingProblem = (
  headers: Headers,
  values: (name: string) => readonly string[],
): string | undefined => {
  const [lengths, encodings] = [values("content-length"), values("transfer-encoding")];
  if (values("host").length > 1) return "there is more than one Host header";
  if (lengths.length > 1) return "there is more than one Content-Length";
  if (lengths.length > 0 && encodings.length > 0) {
    return "there is a Content-Length and a Transfer-Encoding";
  }
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) return "the Content-Length is no number";
  if (encodings.length > 1 || encodings.some((value) => value.toLowerCase() !== "chunked")) {
    return "the Transfer-Encoding is not chunked";
  }
  if (headers.some(([name]) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))) {
    return "a header's name has characters that do not belong there";
  }
  if (headers.some(([, value]) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))) {
    return "a header's value has characters that do not belong there";
  }
  const dropped = tokensOf(values("connection"));
  return NOT_TO_BE_DROPPED.some((name) => dropped.includes(name))
    ? "the Connection header names a header that must not be dropped"
    : undefined;
};

const tokensOf = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => value.split(",")).map((token) => token.trim().toLowerCase());

interface Place {
  readonly host: string;
  readonly port: number | undefined;
  readonly target: string;
}

const TARGET = /^[\x21\x22\x24-\x7e]*$/; // visible ASCII without the fragment's #

const absolutePlace = (url: string): Place | string => {
  if (url.startsWith("/")) return "the proxy wants the whole URL, not only its path";
  const match = /^http:\/\/([^/?#]*)(.*)$/i.exec(url);
  if (match === null) return "the URL is not an http:// one; https:// goes by CONNECT";
  const [, authority = "", rest = ""] = match;
  const place = splitAuthority(authority);
  if (place === undefined) return "the URL's host and port cannot be read";
  if (!TARGET.test(rest)) return "the URL's path has characters that do not belong there";
  return { ...place, target: rest.startsWith("/") ? rest : `/${rest}` };
};

const originPlace = (url: string, [authority]: readonly string[]): Place | string => {
  if (!url.startsWith("/")) return "the request has no path";
  if (authority === undefined) return "there is no Host header";
  const place = splitAuthority(authority);
  if (place === undefined) return "the Host header cannot be read";
  if (!TARGET.test(url)) return "the URL's path has characters that do not belong there";
  return { ...place, target: url };
};
