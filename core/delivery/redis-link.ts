import { setTimeout } from "node:timers/promises";
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

/** bull connects anew when it closes, and nobody looks at how that ends: here the end is the end. */
class LastingRedis extends Redis {
  isOver = false;
  override async connect(): Promise<void> {
    if (this.isOver) return;
    await super.connect().catch(() => {}); // the events tell
  }
}

/** @param url `redis://` or `rediss://`, with user, password and number of the database if need be */
export const openRedisLink = (url: string, log: Log): RedisLink => {
  const connections: LastingRedis[] = [];
  const listeners: (() => void)[] = [];
  let isClosed = false;
  let problem: string | undefined = "not connected yet";
  let isReported = false;
  let warnedOf: string | undefined;

  const connect = (options: RedisOptions): Redis => {
    const connection = new LastingRedis(url, {
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
