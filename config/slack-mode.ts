/** How Slack's events arrive: as written, else over connections of ours where only these can be made. */
export const slackMode = (slack: {
  readonly mode?: "http" | "socket" | undefined;
  readonly signing_secret?: string | undefined;
  readonly app_token?: string | undefined;
}): "http" | "socket" =>
  slack.mode ??
  (slack.app_token !== undefined && slack.signing_secret === undefined ? "socket" : "http");
