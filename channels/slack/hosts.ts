/**
 * Whether an address is Slack's, or lies where the Web API is set to be: nothing else gets a token,
 * a file or an answer.
 */
export const isOurHost = (url: URL, baseUrl: string): boolean =>
  (url.protocol === "https:" &&
    /^(?:[a-z0-9-]+\.)*slack\.com$/.test(url.hostname) &&
    url.port === "") ||
  url.origin === new URL(baseUrl).origin;
