import { DiscordAPIError, HTTPError, RateLimitError, REST, type RequestMethod } from "discord.js";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createDeadline } from "../deadline.ts";
import { NEVER_CONNECTED } from "../never-connected.ts";
import { createPace } from "./pace.ts";

/** How a call of Discord's REST API ended. Never holds a URL: tokens travel in some. */
export type RestOutcome =
  /** Parsed JSON; undefined where the answer has none (204). */
  | { readonly kind: "ok"; readonly body: unknown }
  /** Not done: too many such calls; on that route, or on all with `isGlobal`. */
  | { readonly kind: "limited"; readonly afterMs: number; readonly isGlobal: boolean }
  /** Refused, so not done. `code` is Discord's own, 0 where it says none. */
  | {
      readonly kind: "failed";
      readonly status: number;
      readonly code: number;
      readonly reason: string;
    }
  /** The bot's token is no longer good. Nothing is sent any more with it. */
  | { readonly kind: "unauthorized" }
  /** Not done: the request certainly did not arrive, or something in front of Discord refused it. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** No answer, or one that says nothing: it may have been done. */
  | { readonly kind: "lost"; readonly reason: string };

export interface RestRequest {
  readonly body?: object;
  readonly query?: Readonly<Record<string, string>>;
  readonly files?: readonly RestFile[];
  /** False where the token of an interaction is in the route. Default true. */
  readonly auth?: boolean;
  readonly signal?: AbortSignal;
  /** Shorter than what is usual for a call; the wait in line counts. */
  readonly timeoutMs?: number;
  /** Not worth a turn that somebody else waits for: now or not at all. Default false. */
  readonly isOptional?: boolean;
  /** Nobody waits for it: it leaves others the better part of the turns. Default false. */
  readonly isBackground?: boolean;
}

export interface RestFile {
  readonly name: string;
  readonly data: Buffer;
}

export type RestMethod = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** Discord's REST API as one bot may use it. */
export interface Rest {
  /** `route` starts behind the version, e.g. `/channels/1/messages`. Never throws, never repeats. */
  request(method: RestMethod, route: string, options?: RestRequest): Promise<RestOutcome>;
  /** What an operator has to put right, once Discord has refused the token. */
  fault(): string | undefined;
  /** Ends what the client does beside the calls. */
  close(): void;
}

export interface RestOptions {
  /** Without the version, e.g. `https://discord.com/api`; the token goes nowhere else. */
  readonly baseUrl: string;
  /** Bot token; undefined where only interactions are answered. */
  readonly token: string | undefined;
  readonly now: () => Date;
  /** Longest that an answer to one call may take to begin. Default 8 s. */
  readonly timeoutMs?: number;
  /** Of the whole bot, over all processes that use the token. Default 50. */
  readonly requestsPerSecond?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** The only status with which Discord has nothing to say. */
const NO_CONTENT = 204;
const WITHOUT_HINT_MS = 1_000;
/** A limit that is said to last longer is not believed: it would keep us away until a restart. */
const LONGEST_LIMIT_MS = 60 * 60_000;
/** Longer than all that is sent at once in one tenant takes, two calls each. */
const LONGEST_WAIT_MS = 15_000;

/**
 * Buckets are counted by discord.js from the headers. Nothing waits inside of it and nothing is
 * repeated by it: a limited call ends at once and says when to come again, because what waits and
 * repeats here is the outbox, which knows what must not be done twice. Only what the whole bot may
 * call in a second is waited for, in order: calls that came again at times of their own would be
 * overtaken by later ones for as long as there are more than are allowed.
 * @see https://discord.com/developers/docs/topics/rate-limits
 */
export const createRest = (options: RestOptions): Rest => {
  const { baseUrl, token, now, timeoutMs = 8_000, requestsPerSecond = 50, metrics } = options;
  const rest = new REST({
    // The library puts the version behind it.
    api: baseUrl.replace(/\/+$/, "").replace(/\/v\d+$/, ""),
    // Whoever names no coding may get any, and the library reads none.
    headers: { "accept-encoding": "identity" },
    retries: 0,
    // Counts from when a call leaves the library's line, where it may stand behind one that hangs.
    timeout: timeoutMs,
    rejectOnRateLimit: () => true,
    // Ours comes first; it does not count what Discord does not.
    globalRequestsPerSecond: Number.POSITIVE_INFINITY,
  });
  const pace = createPace(requestsPerSecond);
  if (token !== undefined) rest.setToken(token);
  let isRefused = false;
  // A 429 without the headers of a bucket is known to nobody else.
  const pauses = new Map<string, number>();

  const pauseOf = (key: string): RestOutcome | undefined => {
    const afterMs = (pauses.get(key) ?? 0) - now().getTime();
    if (afterMs > 0) return { kind: "limited", afterMs, isGlobal: false };
    pauses.delete(key);
    return undefined;
  };

  const pause = (key: string, afterMs: number): void => {
    const time = now().getTime();
    // Some keys hold tokens of interactions: none is kept longer than it is used.
    for (const [old, until] of pauses) if (until <= time) pauses.delete(old);
    pauses.set(key, time + afterMs);
  };

  const limited = (error: RateLimitError, key: string): RestOutcome => {
    const hinted = [error.retryAfter, error.timeToReset, error.sublimitTimeout];
    const hintMs = Math.max(...hinted.filter(Number.isFinite), 0) || WITHOUT_HINT_MS;
    const afterMs = Math.min(hintMs, LONGEST_LIMIT_MS);
    if (error.global) rest.globalReset = Math.min(rest.globalReset, Date.now() + afterMs);
    else pause(key, afterMs);
    return { kind: "limited", afterMs, isGlobal: error.global };
  };

  const outcomeOf = (error: unknown, key: string, isBots: boolean): RestOutcome => {
    if (error instanceof RateLimitError) return limited(error, key);
    if (error instanceof DiscordAPIError) {
      if (error.status === 401 && isBots) {
        isRefused = true;
        return { kind: "unauthorized" };
      }
      const reason = `HTTP ${error.status}`;
      if (isForeign(error)) return { kind: "unreachable", reason };
      const code = typeof error.code === "number" ? error.code : 0;
      return { kind: "failed", status: error.status, code, reason };
    }
    if (error instanceof HTTPError) return { kind: "lost", reason: `HTTP ${error.status}` };
    return brokenBy(error);
  };

  const ask: Rest["request"] = async (method, route, request = {}) => {
    const { auth = true, body, query, files, signal } = request;
    if (auth && (isRefused || token === undefined)) return { kind: "unauthorized" };
    if (signal?.aborted) return { kind: "unreachable", reason: "aborted before the call" };
    const key = pauseKey(method, route);
    const paused = pauseOf(key);
    if (paused) return paused;
    if (auth) {
      const longestMs = request.isOptional === true ? 0 : LONGEST_WAIT_MS;
      const turn = request.isBackground ? pace.spareTurn : pace.turn;
      const afterMs = await turn(longestMs, signal).catch(() => undefined);
      if (afterMs === undefined) return { kind: "unreachable", reason: "aborted before the call" };
      if (afterMs > 0) return { kind: "limited", afterMs, isGlobal: true };
      if (isRefused) return { kind: "unauthorized" };
    }
    // Also ends an answer's body, and the wait in line behind one call that hangs.
    const deadline = createDeadline(request.timeoutMs ?? 2 * timeoutMs, signal);
    try {
      const response = await rest.queueRequest({
        method: method as RequestMethod,
        fullRoute: route as `/${string}`,
        auth,
        signal: deadline.signal,
        ...(body && { body }),
        ...(query && { query: new URLSearchParams(query) }),
        ...(files && { files: [...files] }),
      });
      // It follows no redirect: that would carry the token to somewhere nobody configured.
      if (response.status >= 300) {
        await response.text();
        return { kind: "unreachable", reason: `HTTP ${response.status}` };
      }
      const text = await response.text();
      if (response.status === NO_CONTENT) return { kind: "ok", body: undefined };
      return { kind: "ok", body: JSON.parse(text) };
    } catch (error) {
      return outcomeOf(error, key, auth);
    } finally {
      deadline.clear();
    }
  };

  return {
    request: async (method, route, request) => {
      const outcome = await ask(method, route, request);
      metrics?.apiAnswered(codeOf(outcome));
      return outcome;
    },

    fault: () =>
      isRefused
        ? "Discord refuses the bot token (HTTP 401): create a new one in the developer portal, set channels.discord.bot_token and restart"
        : undefined,

    close: () => {
      rest.clearHashSweeper();
      rest.clearHandlerSweeper();
    },
  };
};

/** Limits are per method and major parameter; what comes behind it shares them, more or less. */
const pauseKey = (method: string, route: string): string =>
  `${method} ${route.split("/", 5).slice(0, 4).join("/")}`;

/** Discord's own code, else that of HTTP, else how there was no answer. */
const codeOf = (outcome: RestOutcome): string | number => {
  if (outcome.kind !== "failed") return outcome.kind;
  return outcome.code === 0 ? `http_${outcome.status}` : outcome.code;
};

/**
 * Whether a refusal is not Discord's, which gives its reasons as JSON: a proxy's page, which says
 * nothing of rooms, people and messages. That something is too large or too slow holds whoever says it.
 */
const isForeign = ({ rawError, status }: DiscordAPIError): boolean => {
  const said: unknown = rawError;
  const isPage = said instanceof ArrayBuffer && said.byteLength > 0;
  return isPage && status !== 408 && status !== 413;
};

/** Only a code goes on from an error: its message may name the URL. */
const brokenBy = (error: unknown): RestOutcome => {
  if (error instanceof Error && error.name === "AbortError") {
    return { kind: "lost", reason: "timed out or aborted" };
  }
  const code = (error as { code?: unknown } | undefined)?.code;
  const reason = typeof code === "string" ? code : "no answer that can be read";
  return NEVER_CONNECTED.has(reason) ? { kind: "unreachable", reason } : { kind: "lost", reason };
};
