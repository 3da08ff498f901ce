import { Agent } from "undici";

/** A request that is made once, by the shortest way. */
export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** Posts, follows no redirect. Throws what the connection throws, TimedOut when it took too long. */
export type Post = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** The time for a request was over, or who wanted it has gone. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** There are as many connections as requests, so that one that hangs delays none. */
export const createPost = (timeoutMs: number): Post => {
  const agent = new Agent({ connect: { timeout: timeoutMs }, maxResponseSize: MAX_ANSWER_BYTES });
  return async ({ url, headers, body }, signal) => {
    const deadline = new AbortController();
    const abort = () => deadline.abort();
    const timer = setTimeout(abort, timeoutMs);
    signal.addEventListener("abort", abort, { once: true });
    try {
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: "POST",
        headers,
        body,
        signal: deadline.signal,
      });
      const retryAfter = answer.headers["retry-after"];
      return {
        status: answer.statusCode,
        retryAfter: typeof retryAfter === "string" ? retryAfter : retryAfter?.[0],
        text: await answer.body.text(),
      };
    } catch (error) {
      if (deadline.signal.aborted) throw new TimedOut("timed out or aborted");
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  };
};
