import { setTimeout as delay } from "node:timers/promises";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import type { ApiResult, CallApi } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import { createSharedToken, type KeptToken } from "./shared-token.ts";
import type { WecomApp } from "./types.ts";

export type TokenResult =
  | { readonly isGranted: true; readonly token: string }
  | { readonly isGranted: false; readonly afterMs: number; readonly reason: string };

/**
 * One application's access token: kept until shortly before it expires, fetched once however many
 * ask for it at the same time, in this process or in another one on the same store.
 * @see https://developer.work.weixin.qq.com/document/path/91039
 */
export interface AccessToken {
  get(): Promise<TokenResult>;
  /** The platform refused this token; forgets it unless a newer one has taken its place. */
  drop(token: string): void;
}

export interface AccessTokenOptions {
  readonly app: WecomApp;
  readonly call: CallApi;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly state: ChannelState;
  /** Longest that a call takes, and that another process is waited for. */
  readonly timeoutMs: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

const EARLY_MS = 5 * 60_000;
const JITTER_MS = 60_000;
const USUAL_LIFETIME_S = 7200;
// After about 2000 failures an hour the platform blocks the corp for an hour.
const PAUSE_MS = { configuration: 5 * 60_000, limit: 60_000, trouble: 5_000 } as const;
const LOOK_EVERY_MS = 100;

export const createAccessToken = (options: AccessTokenOptions): AccessToken => {
  const { app, call, now, random, log, state, timeoutMs } = options;
  const shared = createSharedToken(app, state);
  let cached: KeptToken | undefined;
  let refused: string | undefined;
  let fetching: Promise<TokenResult> | undefined;
  let pause: { readonly until: number; readonly reason: string } | undefined;

  const refuse = (afterMs: number, reason: string): TokenResult => {
    pause = { until: now().getTime() + afterMs, reason };
    return { isGranted: false, afterMs, reason };
  };

  const take = (kept: KeptToken): TokenResult => {
    cached = kept;
    pause = undefined;
    return { isGranted: true, token: kept.token };
  };

  const accept = async (body: Readonly<Record<string, unknown>>): Promise<TokenResult> => {
    const { access_token: token, expires_in: lifetime } = body;
    if (typeof token !== "string" || token === "") {
      return refuse(PAUSE_MS.trouble, "gettoken answered without a token");
    }
    const lifetimeMs =
      1000 * (typeof lifetime === "number" && lifetime > 0 ? lifetime : USUAL_LIFETIME_S);
    const earlyMs = Math.min(EARLY_MS + random() * JITTER_MS, lifetimeMs / 2);
    const kept = { token, refreshAt: now().getTime() + lifetimeMs - earlyMs };
    await orWithout(shared.put(kept, lifetimeMs));
    return take(kept);
  };

  const decide = async (result: ApiResult): Promise<TokenResult> => {
    if (result.kind === "answered" && result.errcode === 0) return accept(result.body);
    const reason = `gettoken: ${describe(result)}`;
    const fields = { corpId: app.corp_id, agentId: app.agent_id, reason };
    const kind = result.kind === "answered" ? kindOfError(result.errcode) : undefined;
    if (kind === "limit") return refuse(PAUSE_MS.limit, reason);
    if (result.kind === "rejected" || (kind !== undefined && kind !== "busy")) {
      log.error(
        { ...fields, alert: "wecom_credentials_refused" },
        "WeCom gives no access token: check corp_id, secret and api_base_url; trying again in minutes",
      );
      return refuse(PAUSE_MS.configuration, reason);
    }
    return refuse(PAUSE_MS.trouble, reason);
  };

  const fetchToken = async (): Promise<TokenResult> => {
    const query = { corpid: app.corp_id, corpsecret: app.secret };
    // Shared by all who wait, so no single waiter's signal may end it; the call has its own limit.
    const result = await call({ path: "/cgi-bin/gettoken", query }, new AbortController().signal);
    options.metrics?.tokenRefreshed(result.kind === "answered" && result.errcode === 0);
    return decide(result);
  };

  /** Sharing saves calls, no more: without the store each process fetches for itself. */
  const orWithout = async <T>(sharing: Promise<T>): Promise<T | undefined> =>
    sharing.catch((err) => {
      log.warn({ err, corpId: app.corp_id }, "access token not shared: the store is away");
      return undefined;
    });

  const fromOthers = async (): Promise<TokenResult | undefined> => {
    const kept = await orWithout(shared.get());
    const isGood = kept && kept.token !== refused && now().getTime() < kept.refreshAt;
    return isGood ? take(kept) : undefined;
  };

  const obtain = async (): Promise<TokenResult> => {
    const waitUntil = performance.now() + timeoutMs;
    for (;;) {
      const early = await fromOthers();
      if (early) return early;
      const isLocked = await orWithout(shared.lock(timeoutMs + PAUSE_MS.trouble));
      if (isLocked) break;
      // Whoever fetches is slow, or dead: asking twice is harmless.
      if (isLocked === undefined || performance.now() > waitUntil) return fetchToken();
      await delay(LOOK_EVERY_MS);
    }
    try {
      // The one who had the lock before us may have just finished.
      return (await fromOthers()) ?? (await fetchToken());
    } finally {
      await orWithout(shared.unlock());
    }
  };

  return {
    get: async () => {
      const time = now().getTime();
      if (cached && time < cached.refreshAt) return { isGranted: true, token: cached.token };
      if (pause && time < pause.until) {
        return { isGranted: false, afterMs: pause.until - time, reason: pause.reason };
      }
      fetching ??= obtain().finally(() => {
        fetching = undefined;
      });
      return fetching;
    },
    drop: (token) => {
      if (cached?.token !== token) return;
      cached = undefined;
      refused = token;
    },
  };
};

/** A failed call in words for an operator. */
export const describe = (result: ApiResult): string => {
  switch (result.kind) {
    case "answered":
      return `errcode ${result.errcode}${result.hint && ` (hint ${result.hint})`}`;
    case "rejected":
      return `HTTP ${result.status} from something that is not the WeCom API`;
    default:
      return result.reason;
  }
};
