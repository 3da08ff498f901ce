import type { AccessToken, TokenResult } from "./access-token.ts";
import type { ApiResult } from "./api.ts";
import { kindOfError } from "./errcodes.ts";

/** What came of work that needs an access token; without one nothing was done. */
export type Granted<T> =
  | { readonly isGranted: true; readonly value: T }
  | { readonly isGranted: false; readonly afterMs: number; readonly reason: string };

/** Does something with the application's token; once more with a new one where the platform refused it. */
export const withToken = async <T>(
  accessToken: AccessToken,
  signal: AbortSignal,
  use: (token: string) => Promise<T>,
  /** Undefined where no call was refused. */
  resultOf: (value: T) => ApiResult | undefined,
): Promise<Granted<T>> => {
  const first = await orAborted(accessToken.get(), signal);
  if (!first.isGranted) return first;
  const value = await use(first.token);
  if (!isTokenRefused(resultOf(value))) return { isGranted: true, value };
  accessToken.drop(first.token);
  const second = await orAborted(accessToken.get(), signal);
  return second.isGranted ? { isGranted: true, value: await use(second.token) } : second;
};

/** Waits for the token that others wait for too, but not after our own caller has left. */
const orAborted = (token: Promise<TokenResult>, signal: AbortSignal): Promise<TokenResult> => {
  let leave = () => {};
  const left = new Promise<TokenResult>((resolve) => {
    leave = () => resolve({ isGranted: false, afterMs: 0, reason: "aborted before the call" });
  });
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([token, left]).finally(() => signal.removeEventListener("abort", leave));
};

const isTokenRefused = (result: ApiResult | undefined): boolean =>
  result?.kind === "answered" && kindOfError(result.errcode) === "token";
