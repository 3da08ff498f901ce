import { NEVER_CONNECTED } from "../never-connected.ts";
import { TimedOut } from "./http.ts";
import type { JsonObject } from "./json.ts";

/** How a call of the Web API ended. Holds no token and no text of anybody. */
export type ApiOutcome =
  | { readonly kind: "ok"; readonly body: JsonObject }
  /** The API decided against it; `error` is its stable word, e.g. `channel_not_found`. */
  | { readonly kind: "error"; readonly error: string; readonly body: JsonObject }
  /** Not done: too many calls of this kind. */
  | { readonly kind: "limited"; readonly afterMs: number }
  /** Not done: the request certainly did not arrive, or something before the API refused it. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** No answer, or none that can be read: it may have been done. */
  | { readonly kind: "lost"; readonly reason: string };

/** The outcome in few words, for a log. */
export const describe = (outcome: ApiOutcome): string => {
  switch (outcome.kind) {
    case "ok":
      return "ok";
    case "error":
      return outcome.error;
    case "limited":
      return `limited for ${outcome.afterMs} ms`;
    default:
      return outcome.reason;
  }
};

/** Where Slack does not say how long; it usually does. */
const LIMITED_MS = 5_000;
/** Longer is not believed: what waits longer would be given up. */
const LONGEST_LIMIT_MS = 60 * 60_000;

/** The outcome of HTTP 429; `retryAfter` is the header's text, in seconds. */
export const limited = (retryAfter: string | undefined): ApiOutcome => {
  const seconds = Number(retryAfter);
  const isUsable = retryAfter !== undefined && Number.isFinite(seconds) && seconds >= 0;
  const afterMs = isUsable ? Math.min(seconds * 1000, LONGEST_LIMIT_MS) : LIMITED_MS;
  return { kind: "limited", afterMs };
};

// A page of something in between ends up as the error of some clients; it must not reach a log.
const WORD = /^[a-z][a-z0-9_.:-]{0,79}$/i;

/** The outcome that an answer with HTTP 200 holds. */
export const readAnswer = (body: JsonObject | undefined): ApiOutcome => {
  if (body?.ok === true) return { kind: "ok", body };
  const { error } = body ?? {};
  if (typeof error !== "string" || !WORD.test(error)) {
    return { kind: "lost", reason: "an answer that is not the API's" };
  }
  if (error === "ratelimited" || error === "rate_limited") return limited(undefined);
  return body ? { kind: "error", error, body } : { kind: "lost", reason: "no answer" };
};

/**
 * The outcome of any other status. Behind a 5xx or a 408 the API may have done it all the same;
 * a 3xx or 4xx comes from something in front of it (wrong address, proxy) and was not passed on.
 */
export const readStatus = (status: number): ApiOutcome =>
  status >= 300 && status < 500 && status !== 408
    ? { kind: "unreachable", reason: `HTTP ${status}` }
    : { kind: "lost", reason: `HTTP ${status}` };

/** The outcome of a connection that could not be made, or broke. */
export const failed = (error: unknown): ApiOutcome => {
  if (error instanceof TimedOut) return { kind: "lost", reason: error.message };
  const reason = codeOf(error) ?? "connection failed";
  return { kind: NEVER_CONNECTED.has(reason) ? "unreachable" : "lost", reason };
};

/** Clients wrap the error that says it, under different names. */
const codeOf = (error: unknown, depth = 0): string | undefined => {
  if (depth > 4 || typeof error !== "object" || error === null) return undefined;
  const { code, cause, original } = error as Record<"code" | "cause" | "original", unknown>;
  const inner = codeOf(cause, depth + 1) ?? codeOf(original, depth + 1);
  return inner ?? (typeof code === "string" ? code : undefined);
};
