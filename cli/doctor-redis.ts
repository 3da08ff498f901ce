import { lookAtRedis } from "../core/delivery/look-at-redis.ts";
import { bad, type Finding, ok } from "./finding.ts";

const check = "redis";

/** Looks whether Redis answers, and keeps what it is given. */
export const redisFinding = async (url: string): Promise<Finding> => {
  const found = await lookAtRedis(url);
  if (!found.ok) {
    return bad(
      check,
      found.reason,
      "start Redis there, or correct queue.redis_url; until then messages are stored and wait",
    );
  }
  const { policy = "noeviction" } = found;
  if (policy === "noeviction") return ok(check, "answers");
  return bad(
    check,
    `drops jobs when its memory is full (${policy})`,
    "set maxmemory-policy noeviction in redis.conf",
  );
};
