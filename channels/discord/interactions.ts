import type { Receive, WebhookRequest, WebhookResponse } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { OverloadError, PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { Content } from "../../core/contract/message.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createChoices } from "./choices.ts";
import type { Deferrals } from "./deferrals.ts";
import {
  chosen,
  clicked,
  type Interaction,
  questionOf,
  readInteraction,
  submitted,
  TYPES,
  toMessage,
} from "./interaction.ts";
import { EPHEMERAL, NO_MENTIONS } from "./message-body.ts";
import { isPayload, numberIn, type Payload, textIn } from "./payload.ts";
import { questionForm, questionIn, wantsForm } from "./question-form.ts";
import type { Rest } from "./rest.ts";
import { CODES, hasCode } from "./send-outcome.ts";
import { CHANNEL } from "./target.ts";
import { readPublicKey, verifyInteraction } from "./verify.ts";

export interface InteractionsParts {
  readonly rest: Rest;
  readonly state: ChannelState;
  /** Shared with what sends answers. */
  readonly deferrals: Deferrals;
  readonly log: Log;
  readonly now: () => Date;
  /** Hex; absent where interactions come over the gateway. */
  readonly publicKey?: string;
  /** Longest that storing may take before the person is asked to try again. Default: 2 s. */
  readonly storeMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** Commands, clicks and forms: stored, acknowledged within 3 s, then answered like any message. */
export interface Interactions {
  /** Answers a request on the interactions endpoint. Throws SignatureError or PayloadError to refuse it. */
  webhook(request: WebhookRequest, receive: Receive): Promise<WebhookResponse>;
  /** Takes an INTERACTION_CREATE of the gateway. Never rejects. */
  take(payload: unknown, receive: Receive): Promise<void>;
}

/** @see https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type */
interface Callback {
  readonly type: 1 | 4 | 5 | 6 | 8 | 9;
  readonly data?: object;
}

const PONG: Callback = { type: 1 };
const ANSWER_COMES: Callback = { type: 5 };
const AS_IT_IS: Callback = { type: 6 };
const NO_CHOICES: Callback = { type: 8, data: { choices: [] } };

const opening = (data: object): Callback => ({ type: 9, data });

/** What an interaction is to us: what to answer at once, and what to store before that. */
interface Plan {
  readonly callback: Callback;
  readonly content?: Content;
  readonly deferred?: "message" | "update";
}

const STORE_MS = 2_000;
const CALLBACK_MS = 1_000;
const CALLBACK_WITHIN_MS = 2_800;
const CALLBACK_AGAIN_MS = 150;

export const createInteractions = (parts: InteractionsParts): Interactions => {
  const { rest, state, deferrals, log, now, metrics, storeMs = STORE_MS } = parts;
  const key = parts.publicKey === undefined ? undefined : readPublicKey(parts.publicKey);
  const choices = createChoices(state);

  /** What is not understood, or too old to be, is acknowledged: an error would be shown to the person. */
  const planOf = async (interaction: Interaction): Promise<Plan> => {
    const { type, data, messageId } = interaction;
    switch (type) {
      case TYPES.command:
        // A form cannot be opened later, so it is the acknowledgement.
        if (wantsForm(interaction)) return { callback: opening(questionForm(interaction)) };
        return {
          callback: ANSWER_COMES,
          deferred: "message",
          content: questionOf(interaction),
        };
      case TYPES.component: {
        const click = await choices.clickOf(interaction, textIn(data, "custom_id") ?? "", chosen);
        return click
          ? { callback: AS_IT_IS, deferred: "update", content: clicked(interaction, click) }
          : { callback: AS_IT_IS };
      }
      case TYPES.modal: {
        const question = questionIn(interaction);
        if (question) {
          return { callback: ANSWER_COMES, deferred: "message", content: question };
        }
        const content = submitted(interaction);
        return messageId === undefined
          ? { callback: ANSWER_COMES, deferred: "message", content }
          : { callback: AS_IT_IS, deferred: "update", content };
      }
      case TYPES.autocomplete:
        return { callback: NO_CHOICES };
      default:
        return { callback: AS_IT_IS };
    }
  };

  /** Plans and stores; what to answer then. */
  const accept = async (interaction: Interaction, receive: Receive): Promise<Callback> => {
    const { content, deferred, callback } = await planOf(interaction);
    if (content && deferred) await receive(toMessage(interaction, content, deferred, now()));
    return callback;
  };

  const callbackFor = async (interaction: Interaction, receive: Receive): Promise<Callback> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), storeMs);
    });
    const about = { channel: CHANNEL, interactionId: interaction.id };
    const accepted = accept(interaction, receive).catch((err: unknown) => {
      if (err instanceof OverloadError) log.warn(about, "overloaded: interaction not taken");
      else {
        metrics?.told("event", "store", "failed");
        log.error({ ...about, err, alert: "message_not_stored" }, "interaction not stored");
      }
      return undefined;
    });
    const first = await Promise.race([accepted, late]).finally(() => clearTimeout(timer));
    if (first === "late")
      log.warn(about, "storing takes too long; the person is asked to try again");
    // If it is stored after all, the answer takes the place of these words.
    return first === undefined || first === "late" ? sorry(interaction.locale) : first;
  };

  /** Posts until it is done or too late. */
  const respond = async (interaction: Interaction, callback: Callback, since: number) => {
    const { id, token } = interaction;
    const about = { channel: CHANNEL, interactionId: id };
    for (;;) {
      const outcome = await rest.request("POST", `/interactions/${id}/${token}/callback`, {
        body: callback,
        auth: false,
        timeoutMs: CALLBACK_MS,
      });
      if (outcome.kind === "ok" || hasCode(outcome, CODES.alreadyAcknowledged)) {
        metrics?.acknowledged(now().getTime() - since);
        return;
      }
      const waitMs = outcome.kind === "limited" ? outcome.afterMs : CALLBACK_AGAIN_MS;
      if (outcome.kind === "failed" || now().getTime() - since + waitMs > CALLBACK_WITHIN_MS) {
        log.warn({ ...about, outcome: outcome.kind }, "interaction not acknowledged in time");
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  };

  return {
    take: async (payload, receive) => {
      const since = now().getTime();
      const interaction = isPayload(payload) ? readInteraction(payload) : undefined;
      if (!interaction) {
        log.warn({ channel: CHANNEL }, "interaction not understood");
        metrics?.told("unread", "parse", "not_understood");
        return;
      }
      const acknowledged = callbackFor(interaction, receive).then((callback) =>
        respond(interaction, callback, since),
      );
      deferrals.hold(interaction.id, acknowledged);
      await acknowledged.catch((err: unknown) =>
        log.error({ channel: CHANNEL, err }, "interaction not acknowledged"),
      );
    },

    webhook: async (request, receive) => {
      if (request.method !== "POST") throw new PayloadError(CHANNEL, "method", 405);
      if (!key) throw new PayloadError(CHANNEL, "no public_key is configured");
      verifyInteraction(request, key, now());
      const payload = parse(request.body);
      if (numberIn(payload, "type") === TYPES.ping) return json(PONG);
      const interaction = readInteraction(payload);
      if (!interaction) throw new PayloadError(CHANNEL, "no interaction");
      let written = () => {};
      deferrals.hold(
        interaction.id,
        new Promise<void>((resolve) => {
          written = resolve;
        }),
      );
      return { ...json(await callbackFor(interaction, receive)), settled: () => written() };
    },
  };
};

const parse = (body: Buffer): Payload => {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new PayloadError(CHANNEL, "body is no JSON", 400, { cause });
  }
  if (!isPayload(value)) throw new PayloadError(CHANNEL, "body is no object");
  return value;
};

const json = (callback: Callback): WebhookResponse => ({
  status: 200,
  contentType: "application/json",
  body: JSON.stringify(callback),
});

/** For the person alone. */
const sorry = (locale: string): Callback => ({
  type: 4,
  data: { content: sorryIn(locale), flags: EPHEMERAL, allowed_mentions: NO_MENTIONS },
});

const sorryIn = (locale: string): string => {
  if (locale === "zh-TW") return "現在太忙，沒能收下您的請求。請稍後再試一次。";
  if (locale === "zh-CN") return "现在太忙，没能收下您的请求。请稍后再试一次。";
  return "Too busy to take this just now. Please try again in a moment.";
};
