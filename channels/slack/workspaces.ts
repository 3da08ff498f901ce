/** The workspaces that the app is installed in, and who it is there. */
export interface Workspaces {
  /**
   * The bot token to speak with in a workspace; undefined where the app is not installed. Asked anew
   * for every call: tokens rotate. Rejects when it cannot be told for now: try again later.
   */
  tokenFor(teamId: string): Promise<string | undefined>;
  /** Who we are in a workspace; undefined where the app is not installed. Rejects like `tokenFor`. */
  botUserOf(teamId: string): Promise<BotUser | undefined>;
  /** Told that Slack refused this token (`invalid_auth`, `token_revoked` …): it is looked at again. */
  refused(teamId: string, token: string, error: string): void;
}

/** @see https://docs.slack.dev/reference/methods/auth.test */
export interface BotUser {
  /** `U…` or `W…`. */
  readonly userId: string;
  /** `B…`; empty when unknown. */
  readonly botId: string;
}
