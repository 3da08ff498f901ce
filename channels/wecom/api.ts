import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createDeadline } from "../deadline.ts";
import { NEVER_CONNECTED } from "../never-connected.ts";

/** How a call of the WeCom API ended. Never holds a URL: tokens and secrets travel in it. */
export type ApiResult =
  /** The API decided; 0 is success, and `hint` is what its support asks for. */
  | {
      readonly kind: "answered";
      readonly errcode: number;
      readonly hint: string;
      readonly body: Readonly<Record<string, unknown>>;
    }
  /** The request certainly did not arrive. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** Something that is not the API refused the request. */
  | { readonly kind: "rejected"; readonly status: number }
  /** No answer, or none that can be read: it may have been done. */
  | { readonly kind: "lost"; readonly reason: string }
  /** Not asked: too many such calls lately. */
  | { readonly kind: "paused"; readonly afterMs: number; readonly reason: string };

export type Fetch = typeof globalThis.fetch;

/** One call of the API. */
export interface ApiRequest {
  /** Below the base URL, e.g. `/cgi-bin/gettoken`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Sent as JSON by POST. Without it and without a form the call is a GET. */
  readonly json?: object;
  readonly form?: FormData;
}

/** Calls one corp's API, at most `timeoutMs` long. Never throws. */
export type CallApi = (request: ApiRequest, signal: AbortSignal) => Promise<ApiResult>;

export interface ApiOptions {
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics | undefined;
}

export const createApi = (options: ApiOptions): CallApi => {
  const call = createUncountedApi(options);
  return async (request, signal) => {
    if (signal.aborted) return { kind: "unreachable", reason: "aborted before the call" };
    const result = await call(request, signal);
    options.metrics?.apiAnswered(result.kind === "answered" ? result.errcode : result.kind);
    return result;
  };
};

const createUncountedApi =
  (options: ApiOptions): CallApi =>
  async (request, signal) => {
    const deadline = createDeadline(options.timeoutMs, signal);
    try {
      const response = await options.fetch(urlOf(options.baseUrl, request), {
        ...(request.json && {
          method: "POST",
          headers: { "content-type": "application/json; charset=utf-8" },
          body: JSON.stringify(request.json),
        }),
        ...(request.form && { method: "POST", body: request.form }),
        // A redirect would carry the token to somewhere nobody configured.
        redirect: "manual",
        signal: deadline.signal,
      });
      return read(response.status, await readCapped(response));
    } catch (error) {
      return failed(error, deadline.signal.aborted);
    } finally {
      deadline.clear();
    }
  };

const urlOf = (baseUrl: string, { path, query }: ApiRequest): string =>
  `${baseUrl.replace(/\/+$/, "")}${path}?${new URLSearchParams(query)}`;

const MAX_ANSWER_BYTES = 256 * 1024;

const readCapped = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error("answer too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

/**
 * An errcode decides whatever the status. Without one: a 3xx or 4xx comes from something in front
 * of the API (wrong address, proxy), which did not pass the request on; behind a 5xx, a 408 or a
 * page that is no JSON the API may have done it all the same.
 */
const read = (status: number, text: string): ApiResult => {
  const body = parseObject(text);
  const errcode = body?.errcode;
  if (body && typeof errcode === "number") {
    return { kind: "answered", errcode, hint: hintIn(body.errmsg), body };
  }
  if (status >= 300 && status < 500 && status !== 408) return { kind: "rejected", status };
  return { kind: "lost", reason: `HTTP ${status} without an errcode` };
};

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
};

/** Only the hint of an errmsg is fit for a log: the rest may hold our address and the URL. */
const hintIn = (errmsg: unknown): string =>
  (typeof errmsg === "string" && /hint: \[([\w-]{1,64})\]/.exec(errmsg)?.[1]) || "";

const failed = (error: unknown, isAborted: boolean): ApiResult => {
  if (isAborted) return { kind: "lost", reason: "timed out or aborted" };
  // An AggregateError (several addresses tried) bears the code of the attempts too.
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  const reason = typeof code === "string" ? code : "connection failed";
  return NEVER_CONNECTED.has(reason) ? { kind: "unreachable", reason } : { kind: "lost", reason };
};
