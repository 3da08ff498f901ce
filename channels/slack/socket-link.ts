import { setTimeout } from "node:timers/promises";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import type { Intake, Told } from "./intake.ts";
import {
  openSocketConnection,
  SOCKET_TIMINGS,
  type SocketConnection,
  type SocketEnvelope,
  type SocketTimings,
} from "./socket-connection.ts";
import { socketUrl } from "./socket-url.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";

/** The connections over which Slack tells us what happens. */
export interface SocketLink {
  start(): void;
  stop(): Promise<void>;
  /** What keeps all of them down; undefined while one is up, or nothing is known to be wrong. */
  fault(): string | undefined;
}

export interface SocketLinkParts {
  readonly api: Pick<WebApi, "call">;
  readonly appToken: string;
  readonly baseUrl: string;
  readonly intake: Pick<Intake, "take">;
  readonly log: Log;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly timings?: SocketTimings;
  readonly pauses?: SocketPauses;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** How long is waited before a connection is tried again. */
export interface SocketPauses {
  readonly firstMs: number;
  readonly longestMs: number;
  /** The longest where Slack had said hello: it is there. */
  readonly greetedMs: number;
  /** Where an operator has to put something right first. */
  readonly faultMs: number;
}

const PAUSES: SocketPauses = {
  firstMs: 250,
  longestMs: 30_000,
  greetedMs: 5_000,
  faultMs: 60_000,
};

/** Two, so that there is always one while the other is replaced; an app may have ten. */
const CONNECTIONS = 2;
/** What Slack has put on its way over a connection that it is about to end still comes. */
const LINGER_MS = 10_000;
/** A connection that held so long was a good one: the next failure is a first one. */
const GOOD_MS = 30_000;

const TOLD: ReadonlySet<string> = new Set<Told>(["events_api", "slash_commands", "interactive"]);

/** Keeps two connections, each replaced by itself. https://docs.slack.dev/apis/events-api/using-socket-mode */
export const createSocketLink = (parts: SocketLinkParts): SocketLink => {
  const { api, appToken, baseUrl, intake, log } = parts;
  const { random = Math.random, timings = SOCKET_TIMINGS, pauses = PAUSES, metrics } = parts;
  const stopped = new AbortController();
  const open = new Set<SocketConnection>();
  const greeted = new Set<SocketConnection>();
  const loops: Promise<void>[] = [];
  let trouble: string | undefined = "no connection to Slack yet";

  const take = async (connection: SocketConnection, envelope: SocketEnvelope): Promise<void> => {
    const { id, type, payload } = envelope;
    const arrivedAt = performance.now();
    if (!TOLD.has(type)) {
      log.warn({ channel: CHANNEL, type: type.slice(0, 64) }, "envelope of an unknown type");
      metrics?.told("unread", "parse", "not_understood");
      connection.acknowledge(id, undefined);
      return;
    }
    const taken = await intake.take(type as Told, payload);
    // What is not acknowledged is told again, over this connection or another one.
    if (!taken.isTaken) return;
    connection.acknowledge(id, taken.answer);
    metrics?.acknowledged(performance.now() - arrivedAt);
  };

  /** Connects until it is over, or is about to be: then the next one is made while this one lingers. */
  const hold = async (): Promise<Held> => {
    const place = await socketUrl(api, appToken, baseUrl, stopped.signal);
    if (place.kind === "none") return { isFault: place.fault !== undefined, heldMs: 0, ...place };
    if (stopped.signal.aborted) return { heldMs: 0, isFault: false, reason: "stopped" };
    let greetedAt: number | undefined;
    let tellWarned = (_reason: string): void => {};
    const warned = new Promise<string>((resolve) => {
      tellWarned = resolve;
    });
    let connection: SocketConnection | undefined;
    const greet = (): void => {
      greetedAt = performance.now();
      metrics?.connectionChanged("up");
      trouble = undefined;
      if (connection) greeted.add(connection);
    };
    const made = await openSocketConnection({
      url: place.url,
      timings,
      log,
      now: () => performance.now(),
      greeted: greet,
      warned: (reason) => tellWarned(reason),
      received: (envelope) => {
        if (connection) void take(connection, envelope);
      },
    });
    connection = made;
    open.add(made);
    if (greetedAt !== undefined) greeted.add(made);
    const close = () => made.close();
    stopped.signal.addEventListener("abort", close, { once: true });
    if (stopped.signal.aborted) close();
    void made.ended.then(() => {
      open.delete(made);
      if (greetedAt !== undefined) metrics?.connectionChanged("down");
      greeted.delete(made);
      if (greeted.size === 0) trouble ??= "no connection to Slack; trying again";
      stopped.signal.removeEventListener("abort", close);
    });
    const how = await Promise.race([
      warned.then((reason) => ({ reason, isDeaf: false, isWarning: true })),
      made.ended.then((ending) => ({ ...ending, isWarning: false })),
    ]);
    const heldMs = greetedAt === undefined ? 0 : performance.now() - greetedAt;
    const isFault = how.reason === "link_disabled";
    if (how.isDeaf) {
      log.error(
        { channel: CHANNEL, reason: how.reason, alert: "slack_socket_deaf" },
        "a connection to Slack was deaf; it is replaced",
      );
    }
    if (!how.isWarning) return { reason: how.reason, heldMs, isFault };
    // Its place is taken by the next one; until Slack ends it, it still takes what comes.
    void setTimeout(LINGER_MS, undefined, { ref: false }).then(close);
    return {
      reason: how.reason,
      heldMs,
      isFault,
      isReplacement: greetedAt !== undefined,
      ...(isFault && { fault: LINK_DISABLED }),
    };
  };

  const keep = async (): Promise<void> => {
    let failures = 0;
    while (!stopped.signal.aborted) {
      const held = await hold();
      if (stopped.signal.aborted) return;
      if (held.heldMs > GOOD_MS) failures = 0;
      const isFirst = held.heldMs > 0 && failures === 0;
      if (!held.isReplacement) {
        log.warn({ channel: CHANNEL, reason: held.reason }, "connection to Slack ended");
      }
      if (held.fault !== undefined) trouble = held.fault;
      else if (greeted.size === 0 && !held.isReplacement) {
        trouble = `no connection to Slack (${held.reason}); trying again`;
      }
      failures += 1;
      const longestMs = held.heldMs > 0 ? pauses.greetedMs : pauses.longestMs;
      const mayTakeMs = held.isFault
        ? pauses.faultMs
        : Math.min(longestMs, pauses.firstMs * 2 ** Math.min(failures - 1, 10));
      // The first replacement of a good connection does not wait; everything else must, a little.
      const jittered = isFirst && !held.isFault ? 0 : mayTakeMs * (0.5 + random() / 2);
      const pauseMs = Math.max(jittered, held.afterMs ?? 0);
      if (pauseMs > 0) {
        await setTimeout(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
      }
    }
  };

  return {
    start: () => {
      for (let place = 0; place < CONNECTIONS; place++) loops.push(keep());
    },
    stop: async () => {
      stopped.abort();
      await Promise.all(loops);
      await Promise.all([...open].map(({ ended }) => ended));
    },
    fault: () => (greeted.size > 0 ? undefined : trouble),
  };
};

const LINK_DISABLED =
  "Slack refuses the connection (link_disabled): switch Socket Mode on in the app's settings";

/** How it went with one connection. */
interface Held {
  readonly reason: string;
  /** How long it was good for. */
  readonly heldMs: number;
  readonly isFault: boolean;
  /** It goes on for a while beside the next one. */
  readonly isReplacement?: boolean;
  /** The least that Slack asks to wait. */
  readonly afterMs?: number;
  readonly fault?: string;
}
