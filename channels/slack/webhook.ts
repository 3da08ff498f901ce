import type { Webhook, WebhookResponse } from "../../core/contract/channel.ts";
import { PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { Intake, Taken } from "./intake.ts";
import { type JsonObject, readObject, textIn } from "./json.ts";
import { CHANNEL } from "./types.ts";
import { verifySignature } from "./verify.ts";

export interface SlackWebhookParts {
  /** Any of them may have signed; none = nothing is accepted. */
  readonly signingSecrets: readonly string[];
  readonly intake: Pick<Intake, "take">;
  readonly now: () => Date;
  readonly log: Log;
}

/**
 * Events, commands and interactivity on one path. The signature is checked on the bytes as they
 * came, before anything reads them.
 * @see https://docs.slack.dev/apis/events-api/using-http-request-urls
 */
export const createSlackWebhook = (parts: SlackWebhookParts): Webhook => {
  const { signingSecrets, intake, now, log } = parts;

  /** What Slack tells of itself; undefined for what has to be taken in. */
  const answerAtOnce = (body: JsonObject): WebhookResponse | undefined => {
    switch (textIn(body, "type")) {
      case "url_verification":
        log.info({ channel: CHANNEL }, "request URL verified");
        return {
          status: 200,
          contentType: "text/plain; charset=utf-8",
          body: textIn(body, "challenge") ?? "",
        };
      case "app_rate_limited":
        log.error(
          { channel: CHANNEL, teamId: textIn(body, "team_id"), alert: "slack_events_dropped" },
          "Slack drops events of a workspace: more than 30,000 an hour",
        );
        return EMPTY;
      default:
        return undefined;
    }
  };

  const takeForm = async (form: URLSearchParams): Promise<WebhookResponse> => {
    const payload = form.get("payload");
    if (payload !== null) {
      const body = readObject(payload);
      if (!body) throw new PayloadError(CHANNEL, "payload is no JSON object");
      return responseTo(await intake.take("interactive", body));
    }
    if (!form.has("command")) throw new PayloadError(CHANNEL, "a form of no known kind");
    return responseTo(await intake.take("slash_commands", Object.fromEntries(form)));
  };

  return async (request) => {
    if (request.method !== "POST") throw new PayloadError(CHANNEL, "method", 405);
    // Slack's look at our certificate is not signed; nothing else that it holds is ever read.
    if (isCertificateCheck(request.body)) return EMPTY;
    verifySignature(request, signingSecrets, now());
    const text = request.body.toString("utf8");
    // Events are JSON objects; a form never begins so.
    if (!/^\s*[{[]/.test(text)) return await takeForm(new URLSearchParams(text));
    const body = readObject(text);
    if (!body) throw new PayloadError(CHANNEL, "body is no JSON object");
    return answerAtOnce(body) ?? responseTo(await intake.take("events_api", body));
  };
};

const MAX_CHECK_BYTES = 512;
const BRACE = 0x7b; // a text would be made bytes for every look

const isCertificateCheck = (body: Buffer): boolean =>
  body.length <= MAX_CHECK_BYTES &&
  !body.includes(BRACE) &&
  body.includes("ssl_check=1") &&
  new URLSearchParams(body.toString("latin1")).get("ssl_check") === "1";

const EMPTY: WebhookResponse = { status: 200 };

const responseTo = (taken: Taken): WebhookResponse => {
  if (!taken.isTaken) return { status: 503 };
  if (!taken.answer) return EMPTY;
  return {
    status: 200,
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify(taken.answer),
  };
};
