import { Redis } from "ioredis";
import type { Finding } from "./doctor-checks.ts";

const TIMEOUT_MS = 3_000;
const check = "redis";

/** Looks whether Redis answers, and keeps what it is given. */
export const redisFinding = async (url: string): Promise<Finding> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let problem: Error | undefined;
  redis.on("error", (error: Error) => {
    problem ??= error;
  });
  try {
    await redis.connect();
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info("memory"))?.[1];
    return policy === undefined || policy === "noeviction"
      ? { check, state: "ok", text: "answers" }
      : {
          ...{ check, state: "bad", text: `drops jobs when its memory is full (${policy})` },
          remedy: "set maxmemory-policy noeviction in redis.conf",
        };
  } catch (cause) {
    // The first error says why; a later one that the connection is closed.
    const { message } = problem ?? (cause instanceof Error ? cause : new Error(String(cause)));
    return {
      ...{ check, state: "bad", text: message },
      remedy:
        "start Redis there, or correct queue.redis_url; until then messages are stored and wait",
    };
  } finally {
    redis.disconnect();
  }
};
