import { createHmac } from "node:crypto";
import type { WebhookRequest } from "../../core/contract/channel.ts";

export const SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
export const TEAM = "T0TEAM";
export const BOT_USER = "U0BOT";

type Fields = Readonly<Record<string, unknown>>;

/** How a request is signed; by default as Slack does, just now. */
export interface Signing {
  readonly secret?: string;
  readonly at?: Date;
  readonly headers?: WebhookRequest["headers"];
}

const contentTypes = { json: "application/json", form: "application/x-www-form-urlencoded" };

/** A request with Slack's signature. */
export const signed = (
  body: string | Buffer,
  kind: "json" | "form" = "json",
  { secret = SIGNING_SECRET, at = new Date(), headers = {} }: Signing = {},
): WebhookRequest => {
  const bytes = Buffer.from(body);
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const mac = createHmac("sha256", secret).update(`v0:${timestamp}:`).update(bytes).digest("hex");
  return {
    method: "POST",
    query: "",
    headers: {
      "content-type": contentTypes[kind],
      "x-slack-request-timestamp": timestamp,
      "x-slack-signature": `v0=${mac}`,
      ...headers,
    },
    body: bytes,
    hungUp: new Promise(() => {}),
  };
};

let counter = 0;

/** A time stamp that no other message has. */
export const newTs = (): string => {
  counter += 1;
  return `1700000000.${String(counter).padStart(6, "0")}`;
};

/** An `event_callback` around an event, `more` beside it. */
export const eventBody = (event: Fields, more: Fields = {}): Fields => {
  counter += 1;
  return {
    token: "gone",
    team_id: TEAM,
    context_team_id: TEAM,
    api_app_id: "A0APP",
    event,
    type: "event_callback",
    event_id: `Ev${counter}`,
    event_time: 1_700_000_000,
    authorizations: [
      {
        enterprise_id: null,
        team_id: TEAM,
        user_id: BOT_USER,
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    is_ext_shared_channel: false,
    ...more,
  };
};

/** What a person writes in a direct chat. */
export const directMessage = (text: string, more: Fields = {}): Fields => {
  const ts = newTs();
  return {
    ...{ type: "message", user: "U0ANN", text, ts, event_ts: ts, team: TEAM },
    ...{ user_team: TEAM, channel: "D0ANN", channel_type: "im" },
    ...more,
  };
};

/** What a person writes in a room, as `message` tells it. */
export const roomMessage = (text: string, more: Fields = {}): Fields =>
  directMessage(text, { channel: "C0ROOM", channel_type: "channel", ...more });

/** The same as `app_mention` tells it. */
export const mention = (text: string, more: Fields = {}): Fields => {
  const { channel_type: _, ...rest } = roomMessage(text, more);
  return { ...rest, type: "app_mention" };
};

/** A slash command's form. */
export const commandForm = (text: string, more: Readonly<Record<string, string>> = {}): string => {
  counter += 1;
  return new URLSearchParams({
    ...{ token: "gone", team_id: TEAM, team_domain: "acme", channel_id: "C0ROOM" },
    ...{ channel_name: "room", user_id: "U0ANN", user_name: "ann", command: "/ask", text },
    ...{ api_app_id: "A0APP", is_enterprise_install: "false", trigger_id: `1.${counter}.abc` },
    ...more,
  }).toString();
};

/** An interaction's form. */
export const interactionForm = (payload: Fields): string =>
  new URLSearchParams({ payload: JSON.stringify(payload) }).toString();

/** A click on a button of a card of ours. */
export const clickPayload = (action: Fields, more: Fields = {}): Fields => ({
  type: "block_actions",
  user: { id: "U0ANN", username: "ann", team_id: TEAM },
  api_app_id: "A0APP",
  team: { id: TEAM, domain: "acme" },
  container: { type: "message", message_ts: "1700000000.000001", channel_id: "C0ROOM" },
  channel: { id: "C0ROOM", name: "room" },
  message: { type: "message", ts: "1700000000.000001", user: BOT_USER },
  trigger_id: "1.2.3",
  actions: [{ action_ts: "1700000001.5", type: "button", ...action }],
  ...more,
});

/** Posts it as Slack would; the status and the text of the answer. */
export const postSlack = async (
  url: string,
  request: WebhookRequest,
): Promise<{ readonly status: number; readonly text: string }> => {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter((entry): entry is [string, string] => {
      return typeof entry[1] === "string";
    }),
  );
  const response = await fetch(url, {
    method: "POST",
    headers,
    body: new Uint8Array(request.body),
  });
  return { status: response.status, text: await response.text() };
};
