import type { ApiResult, CallApi } from "./api.ts";
import { kindOfError } from "./errcodes.ts";

/** Calls that stop for a while when the platform says that there are too many of their kind. */
export interface PausingApi {
  readonly call: CallApi;
  /** The pause that a call of this path would run into; undefined when it would be made. */
  pauseOf(path: string): ApiResult | undefined;
}

// Every call within the block prolongs it; it lasts as long as its window, a minute or an hour.
// https://developer.work.weixin.qq.com/document/path/90312
const PAUSE_MS = 60_000;

/** Each API has a limit of its own, so each pauses by itself. */
export const createPausingApi = (call: CallApi, now: () => Date): PausingApi => {
  const untils = new Map<string, number>();
  const pauseOf = (path: string): ApiResult | undefined => {
    const afterMs = (untils.get(path) ?? 0) - now().getTime();
    return afterMs > 0
      ? { kind: "paused", afterMs, reason: "paused after errcode 45009" }
      : undefined;
  };
  return {
    pauseOf,
    call: async (request, signal) => {
      const pause = pauseOf(request.path);
      if (pause) return pause;
      const result = await call(request, signal);
      if (result.kind === "answered" && kindOfError(result.errcode) === "limit") {
        untils.set(request.path, now().getTime() + PAUSE_MS);
      }
      return result;
    },
  };
};
