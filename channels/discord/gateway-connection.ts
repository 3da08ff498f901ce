import {
  Encoding,
  type SessionInfo,
  WebSocketShard,
  WebSocketShardEvents,
  WebSocketShardStatus,
} from "@discordjs/ws";
import type { Log } from "../../core/contract/log.ts";
import { isSafe, withoutQuery } from "./gateway-url.ts";
import { isPayload, numberIn, objectIn, type Payload } from "./payload.ts";
import { CHANNEL } from "./target.ts";

/** What Discord says of its gateway. */
export interface GatewayInfo {
  readonly url: string;
  /** How many connections it recommends. */
  readonly shards: number;
  /** How many logins are left, and when there are more again. */
  readonly remaining: number;
  readonly resetAfterMs: number;
  readonly maxConcurrency: number;
}

/** Why a connection is over. */
export interface Ending {
  /** `fatal` = trying again cannot help; `invalid` = the session is gone and a new one is needed. */
  readonly kind: "broken" | "invalid" | "fatal";
  /** Fit for a log and a health page. */
  readonly reason: string;
  /** Lets the next connection take up where this one ended. */
  readonly session: SessionInfo | undefined;
}

export interface ConnectionTimings {
  /** Until the connection says hello, and again until the session is there. */
  readonly upMs: number;
  /** How long after it is due the acknowledgement of a heartbeat is waited for. */
  readonly graceMs: number;
}

export const CONNECTION_TIMINGS: ConnectionTimings = { upMs: 20_000, graceMs: 10_000 };

export interface ConnectionOptions {
  readonly shard: { readonly id: number; readonly count: number };
  readonly token: string;
  readonly intents: number;
  readonly info: GatewayInfo;
  /** Absent: a new session is begun. */
  readonly session: SessionInfo | undefined;
  /** Resolves when a login is allowed. Rejects when the signal aborts. */
  readonly mayIdentify: (signal: AbortSignal) => Promise<void>;
  /** A new session is there: what happened before it is not replayed. Its own data. */
  readonly ready: (data: Payload) => void;
  /** The old session goes on. */
  readonly resumed: () => void;
  /** Whatever happened, in order: Discord's name of it, and its data. Must not throw. */
  readonly dispatched: (name: string, data: unknown) => void;
  readonly timings: ConnectionTimings;
  readonly log: Log;
  /** Ends the connection at once, and the session with it. */
  readonly signal: AbortSignal;
}

// https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
const FATAL: ReadonlyMap<number, string> = new Map([
  [
    4004,
    "Discord refuses the bot token (close code 4004): create a new one in the developer portal, set channels.discord.bot_token and restart",
  ],
  [4010, "Discord refuses the shard (close code 4010): check channels.discord.shards and restart"],
  [
    4011,
    "the bot is in too many servers for one connection (close code 4011): raise channels.discord.shards and restart",
  ],
  [4012, "Discord no longer speaks this version of its gateway (close code 4012): update clawgate"],
  [4013, "Discord refuses the intents (close code 4013): update clawgate"],
  [
    4014,
    "Discord refuses the intents (close code 4014): switch on the Message Content Intent of the bot in the developer portal and restart",
  ],
]);

/** What is inside the library's shard, where we must reach behind its surface. */
interface Inside {
  onMessage(data: unknown, isBinary: boolean): Promise<void>;
  readonly connection: { on(event: "error", listener: () => void): void; terminate(): void } | null;
}

/**
 * One connection of one shard, from its beginning to its end; resolves with why it ended and never
 * rejects. The protocol is spoken by discord.js; whether and when there is another connection is not
 * its business: left to itself it comes back every half second for ever, and an ill-formed frame
 * ends the process.
 */
export const runConnection = (options: ConnectionOptions): Promise<Ending> =>
  new Promise((resolve) => {
    const { shard: place, token, intents, info, timings, log, signal } = options;
    const about = { channel: CHANNEL, shard: place.id };
    let session = options.session;
    let isOver = false;
    let hasAsked = false;
    let timer: NodeJS.Timeout | undefined;
    let intervalMs: number | undefined;

    const shard = new WebSocketShard(
      {
        options: {
          token,
          intents,
          gatewayInformation: {
            url: info.url,
            shards: place.count,
            session_start_limit: { total: 0, remaining: 0, reset_after: 0, max_concurrency: 1 },
          },
          shardCount: place.count,
          version: "10",
          encoding: Encoding.JSON,
          compression: null,
          initialPresence: null,
          largeThreshold: null,
          identifyProperties: { browser: "clawgate", device: "clawgate", os: process.platform },
          // Ours come first: they also end what has not been opened yet.
          handshakeTimeout: timings.upMs * 2,
          helloTimeout: timings.upMs * 2,
          readyTimeout: timings.upMs * 2,
        },
        retrieveSessionInfo: () => {
          // Its second connection: there shall be none, so it waits for ever, and is collected.
          const isSecond = hasAsked && shard.status === WebSocketShardStatus.Idle;
          if (isSecond || isOver) return new Promise(() => {});
          hasAsked = true;
          return session ?? null;
        },
        updateSessionInfo: (_id, next) => {
          if (isOver) return;
          // The token goes there too.
          session = next ? { ...next, resumeURL: resumeUrl(next.resumeURL) } : undefined;
        },
        waitForIdentify: async (_id, closed) => {
          clearTimeout(timer);
          await options.mayIdentify(AbortSignal.any([closed, signal]));
          expect("no session in time");
        },
      },
      place.id,
    );
    const inside = shard as unknown as Inside;
    const resumeUrl = (url: unknown): string =>
      typeof url === "string" && isSafe(url, info.url) ? withoutQuery(url) : info.url;

    const end = (kind: Ending["kind"], reason: string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", close);
      // A code other than 1000 keeps the session for the next connection.
      const code = signal.aborted || kind === "invalid" ? 1000 : 4200;
      ignoreErrors();
      shard.destroy({ code }).catch(() => {});
      // Its closing handshake needs a peer that still answers; the bytes that say so are on their way.
      setImmediate(() => {
        ignoreErrors();
        inside.connection?.terminate();
      });
      resolve({ kind, reason, session: kind === "broken" ? session : undefined });
    };
    const close = (): void => end("broken", "closed by us");
    // The library stops listening too early: what breaks later would end the process.
    const ignoreErrors = (): void => inside.connection?.on("error", () => {});

    /** Ends the connection unless it is called again, or the timer cleared, before. */
    const expect = (reason: string, ms = timings.upMs): void => {
      clearTimeout(timer);
      if (!isOver) timer = setTimeout(() => end("broken", reason), ms);
    };
    const expectHeartbeat = (): void => {
      if (intervalMs === undefined) return;
      const patience = intervalMs + Math.min(intervalMs, timings.graceMs);
      expect("heartbeats are not acknowledged", patience);
    };

    const take = inside.onMessage.bind(shard);
    inside.onMessage = async (data, isBinary) => {
      if (isOver) return;
      try {
        if (isBinary || beforehand(String(data)) === "refused") return;
        await take(data, isBinary);
      } catch (err) {
        log.warn({ ...about, fault: nameOf(err) }, "frame not understood and dropped");
      }
    };

    /** What the library would stumble over, or does not tell. */
    const beforehand = (text: string): "refused" | undefined => {
      if (!mayBeControl(text)) return undefined;
      const frame: unknown = JSON.parse(text);
      if (!isPayload(frame)) return undefined;
      if (frame.op === HELLO) {
        const interval = numberIn(objectIn(frame, "d"), "heartbeat_interval");
        if (interval === undefined || !(interval >= SHORTEST_INTERVAL_MS)) {
          end("broken", "a hello without a heartbeat interval");
          return "refused";
        }
        intervalMs = interval;
      } else if (frame.op === INVALID_SESSION && frame.d !== true) {
        end("invalid", "Discord has ended the session");
        return "refused";
      }
      return undefined;
    };

    shard.on(WebSocketShardEvents.Hello, () => expect("no session in time"));
    shard.on(WebSocketShardEvents.HeartbeatComplete, () => expectHeartbeat());
    shard.on(WebSocketShardEvents.Error, () => {}); // what counts is that it closes
    shard.on(WebSocketShardEvents.Closed, ({ code }) => {
      const fatal = FATAL.get(code);
      if (fatal !== undefined) end("fatal", fatal);
      else end(SESSION_GONE.has(code) ? "invalid" : "broken", closedWith(code));
    });
    shard.on(WebSocketShardEvents.Ready, ({ data }) => {
      if (isOver) return;
      expectHeartbeat();
      options.ready(data as unknown as Payload);
    });
    shard.on(WebSocketShardEvents.Resumed, () => {
      if (isOver) return;
      expectHeartbeat();
      options.resumed();
    });
    shard.on(WebSocketShardEvents.Dispatch, ({ data }) => {
      const { t: name, d } = data as { t?: unknown; d?: unknown };
      if (!isOver && typeof name === "string") options.dispatched(name, d);
    });

    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) {
      isOver = true;
      resolve({ kind: "broken", reason: "closed by us", session: undefined });
      return;
    }
    expect("no hello in time");
    shard.connect().catch(() => {}); // it closes, too
  });

// Not authenticated, authenticated twice, invalid sequence, session timed out; or given up in order.
const SESSION_GONE = new Set([1000, 4003, 4005, 4007, 4009]);
// How the library itself closes when Discord asks for a new connection.
const ASKED = 4200;

const HELLO = 10;
const INVALID_SESSION = 9;
const SHORTEST_INTERVAL_MS = 10;

/** Without reading the whole frame: dispatches, which are large, are left to the library. */
const mayBeControl = (text: string): boolean =>
  text.length <= LONGEST_CONTROL && /"op"\s*:\s*(9|10)\b/.test(text);

const LONGEST_CONTROL = 4_000;

const closedWith = (code: number): string =>
  code === ASKED
    ? "Discord asked for a new connection"
    : `the connection was closed with code ${code}`;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
