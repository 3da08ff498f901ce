import type {
  ChannelAdapter,
  InlineReply,
  Receipt,
  Receive,
  Webhook,
  WebhookRequest,
  WebhookResponse,
} from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError, OverloadError, PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundMessage, ReplyTarget } from "../../core/contract/message.ts";
import type { Fetch } from "./api.ts";
import { createWecomClient } from "./client.ts";
import { createDirectory } from "./directory.ts";
import { fromBody } from "./outgoing.ts";
import { parseMessage } from "./parse.ts";
import { renderPassive } from "./passive.ts";
import { render } from "./render.ts";
import { CHANNEL, type WecomApp } from "./types.ts";
import { type Verified, verifyCallback, verifyUrl } from "./verify.ts";

export interface WecomAdapterOptions {
  /** Each with a `webhook_path` of its own. */
  readonly apps: readonly WecomApp[];
  readonly log: Log;
  readonly now: () => Date;
  readonly state: ChannelState;
  /** No other process sends for these applications. Default false. */
  readonly isAlone?: boolean;
  readonly fetch?: Fetch;
  /** In [0, 1). */
  readonly random?: () => number;
  /** How long a callback may stay open for its answer. The platform hangs up after 5 s. */
  readonly inlineMs?: number;
  /** Longest that one call of the platform's API may take. */
  readonly timeoutMs?: number;
}

/** WeChat Work: the callbacks of self-built applications in, text messages out. */
export const createWecomAdapter = (options: WecomAdapterOptions): ChannelAdapter => {
  const { apps, log, now, state, inlineMs = 1_000, timeoutMs = 10_000 } = options;
  const { fetch = globalThis.fetch, random = Math.random, isAlone = false } = options;
  const msSince = (earlier: Date): number => now().getTime() - earlier.getTime();
  let receive: Receive | undefined;

  const accept = async (message: InboundMessage): Promise<Receipt | undefined> => {
    try {
      if (!receive) throw new Error("the channel is not started");
      await directory.note(message);
      return await receive(message);
    } catch (err) {
      if (err instanceof OverloadError) {
        log.warn({ messageId: message.id, tenant: err.tenantId }, "overloaded: not taken for now");
        return undefined;
      }
      log.error(
        { err, messageId: message.id, alert: "message_not_stored" },
        "message not stored; the platform is asked to deliver it again",
      );
      return undefined;
    }
  };

  const waitForReply = async (
    receipt: Receipt,
    message: InboundMessage,
    request: WebhookRequest,
    arrivedAt: Date,
  ): Promise<InlineReply | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      const mayTakeMs = request.isCrowded ? Math.min(inlineMs, CROWDED_INLINE_MS) : inlineMs;
      timer = setTimeout(resolve, Math.max(0, mayTakeMs - msSince(arrivedAt)));
      void request.hungUp.then(resolve);
    });
    try {
      return await receipt.inlineReply(deadline);
    } catch (err) {
      // The message is stored, so its answer will come, if not in this response.
      log.error({ err, messageId: message.id }, "no inline reply");
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };

  // By application: whether its last callback came with the current pair.
  const lastPairs = new Map<WecomApp, boolean>();

  /** Tells an operator when the platform has begun to use the new pair everywhere: no more lines. */
  const notePair = (app: WecomApp, verified: Verified): void => {
    if (lastPairs.get(app) === verified.isCurrentPair) return;
    lastPairs.set(app, verified.isCurrentPair);
    const about = { corpId: app.corp_id, agentId: app.agent_id, keyPair: keyPairOf(verified) };
    log.info(about, "callbacks come with this key pair now");
  };

  const handleCallback = async (
    app: WecomApp,
    request: WebhookRequest,
  ): Promise<WebhookResponse> => {
    const arrivedAt = now();
    const verified = verifyCallback(app, request.query, request.body, arrivedAt);
    const parsed = parseMessage(app, verified.text);
    notePair(app, verified);
    if (!parsed.isUnderstood) {
      const about = { corpId: app.corp_id, agentId: app.agent_id, keyPair: keyPairOf(verified) };
      log.error(
        { ...about, reason: parsed.reason, alert: "wecom_message_not_understood" },
        "genuine callback not understood; acknowledged, because repeating it cannot help",
      );
      return EMPTY;
    }
    const { message } = parsed;
    const receipt = await accept(message);
    if (!receipt) return { status: 503 };
    const reply = maySpeak(message)
      ? await waitForReply(receipt, message, request, arrivedAt)
      : undefined;
    // What happens once is on record in the audit log; a line for each would cost as much as parsing it.
    if (!receipt.isNew) {
      const isInline = reply !== undefined;
      log.info({ messageId: message.id, isInline }, "delivered again by the platform");
    }
    const outgoing = reply && fromBody(reply.body);
    if (outgoing?.kind !== "text") {
      // Only texts travel in a response; the rest goes by the API.
      reply?.settled(false);
      return EMPTY;
    }
    const { address: userId } = message.target;
    const answer = { corpId: app.corp_id, userId, content: outgoing.text };
    return {
      status: 200,
      contentType: "text/xml; charset=utf-8",
      body: renderPassive(answer, verified.pair, now()),
      settled: (isComplete) => reply?.settled(isComplete),
    };
  };

  const handleVerification = (app: WecomApp, request: WebhookRequest): WebhookResponse => {
    const verified = verifyUrl(app, request.query, now());
    log.info(
      { corpId: app.corp_id, agentId: app.agent_id, keyPair: keyPairOf(verified) },
      "callback URL verified",
    );
    return { status: 200, contentType: "text/plain; charset=utf-8", body: verified.text };
  };

  const webhookOf =
    (app: WecomApp): Webhook =>
    async (request) => {
      if (request.method === "GET") return handleVerification(app, request);
      if (request.method === "POST") return handleCallback(app, request);
      throw new PayloadError(CHANNEL, "method", 405);
    };

  const clients = new Map(
    apps.map((app) => [
      keyOf(app.corp_id, app.agent_id),
      createWecomClient({ app, fetch, now, random, log, timeoutMs, state, isAlone }),
    ]),
  );

  const clientOf = ({ workspaceId, appId }: ReplyTarget) => clients.get(keyOf(workspaceId, appId));
  const directory = createDirectory({
    ...{ corpIds: apps.map((app) => app.corp_id), state, log },
    clientOf: ({ target }) => clientOf(target),
  });

  return {
    name: CHANNEL,
    directory,
    webhooks: uniqueByPath(apps.map((app) => [app.webhook_path, webhookOf(app)])),
    start: async (handler) => {
      receive = handler;
    },
    stop: async () => {
      receive = undefined;
    },
    render,
    send: async (part, signal) => {
      const client = clientOf(part.target);
      if (!client) return { kind: "refused", reason: "the application is no longer configured" };
      return client.send(part, signal);
    },
    openAttachment: async (target, { ref }, signal) => {
      const client = clientOf(target);
      if (client) return client.openMedia(ref, signal);
      throw new AttachmentError("refused", "the application is no longer configured");
    },
    // WeCom cannot be asked what it has delivered; its duplicate check makes sending again harmless.
    reconcile: async () => ({ kind: "send" }),
  };
};

// With many callbacks in work, one whose answer takes long must not keep others from being taken.
const CROWDED_INLINE_MS = 150;

const EMPTY: WebhookResponse = { status: 200 };

// What an event can be answered with at once is a welcome; no other one is worth a wait.
const maySpeak = ({ content }: InboundMessage): boolean =>
  content.kind !== "event" ||
  content.event.name === "app_opened" ||
  content.event.name === "member_joined";

const keyOf = (corpId: string, agentId: string): string => `${corpId}/${agentId}`;

const keyPairOf = (verified: Verified): string => (verified.isCurrentPair ? "current" : "previous");

const uniqueByPath = (entries: readonly (readonly [string, Webhook])[]): Map<string, Webhook> => {
  const webhooks = new Map(entries);
  if (webhooks.size !== entries.length) {
    throw new RangeError("two WeChat Work applications share a webhook_path; give each its own");
  }
  return webhooks;
};
