import { Agent, type Dispatcher } from "undici";

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

/** Whether an answer is a page, as proxies have them: what was to be done was hardly done. */
export const isPage = ({ text }: HttpAnswer): boolean => /^\s*</.test(text);

/** Posts, follows no redirect. Throws what the connection throws, TimedOut when it took too long. */
export type Post = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** The time for a request was over, or who wanted it has gone. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** There are as many connections as requests, so that one that hangs delays none. */
export const createPost = (timeoutMs: number): Post => {
  const agent = new Agent({
    connect: { timeout: timeoutMs },
    maxResponseSize: MAX_ANSWER_BYTES,
    // The whole request has its own deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return ({ url, headers, body }, signal) =>
    new Promise((resolve, reject) => {
      const exchange = new Exchange(resolve, reject, signal, timeoutMs);
      if (signal.aborted) return exchange.giveUp();
      const { origin, pathname, search } = url;
      // Whoever names no coding may get any, and none is read here.
      const plain = { "accept-encoding": "identity", ...headers };
      const path = pathname + search;
      // Nothing ever waits behind it on its connection, so once its head is answered undici need not
      // look whether something could go now.
      const blocking = false;
      agent.dispatch({ origin, path, method: "POST", headers: plain, body, blocking }, exchange);
    });
};

/**
 * A request on its way: collects its answer, and gives it up when its time is over. What undici's
 * `request` puts around this, a stream above all, costs as much again.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #status = 0;
  #retryAfter: string | undefined;

  constructor(
    resolve: (answer: HttpAnswer) => void,
    reject: (error: Error) => void,
    signal: AbortSignal,
    timeoutMs: number,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#timer = setTimeout(this.giveUp, timeoutMs);
    signal.addEventListener("abort", this.giveUp, { once: true });
  }

  readonly giveUp = (): void => {
    if (this.#isOver) return;
    const error = new TimedOut("timed out or aborted");
    this.#end();
    this.#reject(error);
    this.#controller?.abort(error);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for a connection: it must not be made any more.
    if (this.#isOver) controller.abort(new TimedOut("timed out or aborted"));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    const retryAfter = headers["retry-after"];
    this.#status = status;
    this.#retryAfter = typeof retryAfter === "string" ? retryAfter : retryAfter?.[0];
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#end();
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const text = bytes.toString("utf8");
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.giveUp);
  }
}
