import { type ApiOutcome, failed, limited, readStatus } from "./api-outcome.ts";
import { isOurHost } from "./hosts.ts";
import { isPage, type Post } from "./http.ts";

/**
 * Answers by a response URL: five times within 30 minutes. An `error` = the URL takes no more.
 * @see https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
 */
export const postResponse = async (
  url: string,
  message: object,
  baseUrl: string,
  post: Post,
  signal: AbortSignal,
): Promise<ApiOutcome> => {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  // It came with a signed request; what is said goes nowhere else all the same.
  if (!address || !isOurHost(address, baseUrl)) return used("response_url_not_slack");
  const headers = { "content-type": "application/json; charset=utf-8" };
  try {
    const answer = await post({ url: address, headers, body: JSON.stringify(message) }, signal);
    const { status, text, retryAfter } = answer;
    if (status === 429) return limited(retryAfter);
    if (status >= 200 && status < 300) {
      if (isPage(answer)) return { kind: "lost", reason: "a page in place of an answer" };
      return /"ok"\s*:\s*false/.test(text)
        ? used("response_url_refused")
        : { kind: "ok", body: {} };
    }
    return status >= 400 && status < 500 && status !== 408
      ? used("response_url_used_or_expired")
      : readStatus(status);
  } catch (error) {
    return failed(error);
  }
};

const used = (error: string): ApiOutcome => ({ kind: "error", error, body: {} });
