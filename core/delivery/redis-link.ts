import { Redis, type RedisOptions } from "ioredis";
import type { Log } from "../contract/log.ts";

/** Connections to one Redis, and whether it can be reached; tells the log once per outage. */
export interface RedisLink {
  /** For commands; reconnects by itself for ever. */
  readonly client: Redis;
  /** One more connection with options of its own. */
  connect(options: RedisOptions): Redis;
  readonly isUp: boolean;
  health(): RedisHealth;
  /** Called whenever Redis can be reached (again). */
  onUp(listener: () => void): void;
  /** A command failed: the first time since Redis was last up, this is logged. */
  failed(cause: unknown): void;
  close(): void;
}

export type RedisHealth = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const RETRY_STEP_MS = 100;
const LONGEST_RETRY_MS = 2_000;
// A Redis that takes commands and does not answer must count as down, also one whose host is gone.
const COMMAND_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 20_000;

/**
 * bull connects anew by hand when it closes and looks at the outcome too late: with Redis down that
 * would be an unhandled rejection, which ends the process. The events tell the same.
 */
class PatientRedis extends Redis {
  override async connect(): Promise<void> {
    await super.connect().catch(() => {});
  }
}

/** @param url `redis://` or `rediss://`, with user, password and number of the database if need be */
export const openRedisLink = (url: string, log: Log): RedisLink => {
  const connections: Redis[] = [];
  const listeners: (() => void)[] = [];
  let isClosed = false;
  let problem: string | undefined = "not connected yet";
  let isReported = false;
  let warnedOf: string | undefined;

  const connect = (options: RedisOptions): Redis => {
    const connection = new PatientRedis(url, {
      retryStrategy: (times) => Math.min(times * RETRY_STEP_MS, LONGEST_RETRY_MS),
      maxRetriesPerRequest: null,
      socketTimeout: SOCKET_TIMEOUT_MS,
      ...options,
    });
    connection.on("error", () => {}); // `client` tells for all
    connections.push(connection);
    return connection;
  };

  // Its errors carry the command, which for AUTH is the password: only their message is told.
  const failed = (cause: unknown): void => {
    if (isClosed) return;
    problem = reasonOf(cause);
    if (isReported) return;
    isReported = true;
    const fields = { reason: problem, alert: "redis_down" };
    log.error(fields, "Redis does not work: messages are stored and wait until it does");
  };

  const client = connect({ commandTimeout: COMMAND_TIMEOUT_MS });
  client.on("error", failed);
  client.on("close", () => failed(problem ?? "the connection was closed"));
  client.on("ready", () => {
    problem = undefined;
    if (isReported) log.info({}, "Redis is back");
    isReported = false;
    for (const listener of listeners) listener();
    warnOfEviction().catch(failed);
  });

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
      return client.status === "ready";
    },
    health: () => (problem === undefined ? { ok: true } : { ok: false, reason: problem }),
    onUp: (listener) => {
      listeners.push(listener);
    },
    failed,
    close: () => {
      isClosed = true;
      for (const connection of connections) connection.disconnect();
    },
  };
};

const reasonOf = (cause: unknown): string => {
  if (typeof cause === "string") return cause;
  if (!(cause instanceof Error)) return "unknown";
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  return cause.message || code || cause.name;
};
