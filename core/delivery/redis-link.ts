import { setTimeout } from "node:timers/promises";
import { Redis, type RedisOptions } from "ioredis";
import type { Log } from "../contract/log.ts";

/** Connections to one Redis, and whether it can be reached; tells the log once per outage. */
export interface RedisLink {
  /** For commands; reconnects by itself for ever. */
  readonly client: Redis;
  /** One more connection with options of its own. */
  connect(options: RedisOptions): Redis;
  /** Whether Redis takes what is written; a failed command makes it false until that was tried. */
  readonly isUp: boolean;
  health(): RedisHealth;
  /** Called whenever Redis works (again). */
  onUp(listener: () => void): void;
  /** A command failed: the first time since Redis last worked, this is logged. */
  failed(cause: unknown): void;
  /** Ends every connection; resolves when they are ended. */
  close(): Promise<void>;
}

export type RedisHealth = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const RETRY_STEP_MS = 100;
const LONGEST_RETRY_MS = 2_000;
// A Redis that takes commands and does not answer must count as down, also one whose host is gone.
const COMMAND_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 20_000;
const END_MS = 1_000;
const PROBE_LASTS_MS = 10_000;
// After a failover a connection may stand that leads to the server that follows now. Another one
// leads, by the same name or address, to the one that has taken over.
const FOLLOWS = /READONLY|MASTERDOWN/;

/** bull connects anew when it closes, and nobody looks at how that ends: here the end is the end. */
class LastingRedis extends Redis {
  isOver = false;
  override async connect(): Promise<void> {
    if (this.isOver) return;
    await super.connect().catch(() => {}); // the events tell
  }
}

/**
 * @param url `redis://` or `rediss://`, with user, password and number of the database if need be
 * @param probeKey written to see whether Redis takes it: full, or only following another one, it does not
 */
export const openRedisLink = (url: string, log: Log, probeKey: string): RedisLink => {
  const connections: LastingRedis[] = [];
  const listeners: (() => void)[] = [];
  let isClosed = false;
  let problem: string | undefined = "not connected yet";
  let isReported = false;
  let isProbing = false;
  let warnedOf: string | undefined;

  const connect = (options: RedisOptions): Redis => {
    // Once for all the commands that fail on it.
    let isLeaving = false;
    const connection = new LastingRedis(url, {
      retryStrategy: (times) => Math.min(times * RETRY_STEP_MS, LONGEST_RETRY_MS),
      maxRetriesPerRequest: null,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectOnError: (error) => {
        if (isLeaving || !FOLLOWS.test(error.message)) return false;
        isLeaving = true;
        return true;
      },
      ...options,
    });
    connection.on("error", () => {}); // `client` tells for all
    connection.on("close", () => {
      isLeaving = false;
    });
    connections.push(connection);
    return connection;
  };

  // Its errors carry the command, which for AUTH is the password: only their message is told.
  const failed = (cause: unknown): void => {
    if (isClosed) return;
    problem = reasonOf(cause);
    void probe(LONGEST_RETRY_MS);
    if (isReported) return;
    isReported = true;
    const fields = { reason: problem, alert: "redis_down" };
    log.error(fields, "Redis does not work: messages are stored and wait until it does");
  };

  const client = connect({ commandTimeout: COMMAND_TIMEOUT_MS });
  client.on("error", failed);
  client.on("close", () => failed(problem ?? "the connection was closed"));
  client.on("ready", () => void probe(0));

  /** Writes until that works, or until the connection is gone: the next one begins anew. */
  const probe = async (afterMs: number): Promise<void> => {
    if (isProbing || isClosed || client.status !== "ready") return;
    isProbing = true;
    await setTimeout(afterMs, undefined, { ref: false });
    const canTry = !isClosed && client.status === "ready";
    try {
      if (canTry) await client.set(probeKey, "1", "PX", PROBE_LASTS_MS);
    } catch (cause) {
      isProbing = false;
      return failed(cause);
    }
    isProbing = false;
    if (canTry) works();
  };

  const works = (): void => {
    problem = undefined;
    if (isReported) log.info({}, "Redis is back");
    isReported = false;
    for (const listener of listeners) listener();
    warnOfEviction().catch(() => {}); // not told to whoever may not ask; `doctor` says so
  };

  const warnOfEviction = async (): Promise<void> => {
    const policy = /maxmemory_policy:(\S+)/.exec(await client.info("memory"))?.[1];
    if (policy === undefined || policy === "noeviction" || policy === warnedOf) return;
    warnedOf = policy;
    const fields = { policy, alert: "redis_evicts" };
    log.warn(
      fields,
      "Redis may drop jobs when its memory is full: set maxmemory-policy noeviction",
    );
  };

  return {
    client,
    connect,
    get isUp() {
      return client.status === "ready" && problem === undefined;
    },
    health: () => (problem === undefined ? { ok: true } : { ok: false, reason: problem }),
    onUp: (listener) => {
      listeners.push(listener);
    },
    failed,
    close: async () => {
      isClosed = true;
      await Promise.all(connections.map(end));
    },
  };
};

const end = async (connection: LastingRedis): Promise<void> => {
  connection.isOver = true;
  const hasSocket = !["end", "reconnecting"].includes(connection.status);
  const ended = new Promise<void>((resolve) => connection.once("end", () => resolve()));
  connection.disconnect();
  if (hasSocket) await Promise.race([ended, setTimeout(END_MS, undefined, { ref: false })]);
};

const reasonOf = (cause: unknown): string => {
  if (typeof cause === "string") return cause;
  if (!(cause instanceof Error)) return "unknown";
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  return cause.message || code || cause.name;
};
