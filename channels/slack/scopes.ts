/**
 * What the app asks to be allowed, each with what it is for in docs/slack.md.
 * @see https://docs.slack.dev/reference/scopes
 */
export const SCOPES: readonly string[] = [
  "app_mentions:read",
  "assistant:write",
  "channels:history",
  "chat:write",
  "commands",
  "files:read",
  "files:write",
  "groups:history",
  "im:history",
  "im:read",
  "im:write",
  "mpim:history",
  "reactions:read",
  "usergroups:read",
  "users:read",
];
