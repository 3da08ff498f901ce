import { Redis } from "ioredis";

const TIMEOUT_MS = 3_000;

/** What one look at a Redis found; `policy` = its `maxmemory-policy`, where it says it. */
export type RedisLook =
  | { readonly ok: true; readonly policy: string | undefined }
  | { readonly ok: false; readonly reason: string };

/** Connects once, asks and closes again; never rejects. The reason holds no password. */
export const lookAtRedis = async (url: string): Promise<RedisLook> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let first: Error | undefined;
  redis.on("error", (error: Error) => {
    first ??= error;
  });
  try {
    await redis.connect();
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info("memory"))?.[1];
    return { ok: true, policy };
  } catch (cause) {
    // The first error says why; a later one that the connection is closed.
    const { message } = first ?? (cause instanceof Error ? cause : new Error(String(cause)));
    return { ok: false, reason: message };
  } finally {
    redis.disconnect();
  }
};
