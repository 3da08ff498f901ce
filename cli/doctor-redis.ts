import { lookAtRedis } from "../core/delivery/look-at-redis.ts";
import type { Finding } from "./doctor-checks.ts";

const check = "redis";

/** Looks whether Redis answers, and keeps what it is given. */
export const redisFinding = async (url: string): Promise<Finding> => {
  const found = await lookAtRedis(url);
  if (!found.ok) {
    return {
      ...{ check, state: "bad", text: found.reason },
      remedy:
        "start Redis there, or correct queue.redis_url; until then messages are stored and wait",
    };
  }
  const { policy = "noeviction" } = found;
  if (policy === "noeviction") return { check, state: "ok", text: "answers" };
  return {
    ...{ check, state: "bad", text: `drops jobs when its memory is full (${policy})` },
    remedy: "set maxmemory-policy noeviction in redis.conf",
  };
};
