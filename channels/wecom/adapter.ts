import type {
  ChannelAdapter,
  Webhook,
  WebhookRequest,
  WebhookResponse,
} from "../../core/contract/channel.ts";
import type { ChannelState, Leases } from "../../core/contract/channel-state.ts";
import { AttachmentError, PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundMessage, ReplyTarget } from "../../core/contract/message.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../../core/contract/metrics.ts";
import type { Fetch } from "./api.ts";
import { createWecomBot } from "./bot/bot.ts";
import { createDetour, type DetourApp } from "./bot/detour.ts";
import { openBotMedia } from "./bot/media.ts";
import { renderForBot } from "./bot/render.ts";
import { createBotLink, type LinkedBot } from "./bot-link/bot-link.ts";
import { createWecomClient } from "./client.ts";
import { createDirectory } from "./directory.ts";
import { createCorpCheck } from "./foreign-corp.ts";
import { createIntake } from "./intake.ts";
import { fromBody } from "./outgoing.ts";
import { parseMessage } from "./parse.ts";
import { renderPassive } from "./passive.ts";
import { render } from "./render.ts";
import { CHANNEL, isUserId, type WecomApp, type WecomBot } from "./types.ts";
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
  /** Intelligent bots, each with a `webhook_path` of its own. */
  readonly bots?: readonly WecomBot[];
  /** Intelligent bots with a long connection, and what says which replica holds it. */
  readonly linked?: { readonly bots: readonly LinkedBot[]; readonly leases: Leases };
  /** How long a bot's finished answer waits for the platform's next poll. Default: 10 s. */
  readonly silenceMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** WeChat Work: self-built applications, and intelligent bots beside them. */
export const createWecomAdapter = (options: WecomAdapterOptions): ChannelAdapter => {
  const { apps, log, now, state, inlineMs = 1_000, timeoutMs = 10_000 } = options;
  const { fetch = globalThis.fetch, random = Math.random, isAlone = false } = options;
  const { bots = [], silenceMs = 10_000, metrics = NO_CHANNEL_METRICS } = options;
  const checkCorp = createCorpCheck([...apps, ...bots, ...(options.linked?.bots ?? [])]);

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
      metrics.told("unread", "parse", "not_understood");
      const about = { corpId: app.corp_id, agentId: app.agent_id, keyPair: keyPairOf(verified) };
      log.error(
        { ...about, reason: parsed.reason, alert: "wecom_message_not_understood" },
        "genuine callback not understood; acknowledged, because repeating it cannot help",
      );
      return EMPTY;
    }
    const { message } = parsed;
    checkCorp(message);
    const receipt = await intake.accept(message);
    if (!receipt) return { status: 503 };
    const reply = maySpeak(message)
      ? await intake.waitForReply(receipt, message, request, arrivedAt, inlineMs, isSayable)
      : undefined;
    // What happens once is on record in the audit log; a line for each would cost as much as parsing it.
    if (!receipt.isNew) {
      const isInline = reply !== undefined;
      log.info({ messageId: message.id, isInline }, "delivered again by the platform");
    }
    const content = reply && sayable(reply.body);
    if (content === undefined) {
      reply?.settled(false);
      return EMPTY;
    }
    const { address: userId } = message.target;
    const answer = { corpId: app.corp_id, userId, content };
    return {
      status: 200,
      contentType: "text/xml; charset=utf-8",
      body: renderPassive(answer, verified.pair, now()),
      settled: (isComplete) => reply?.settled(isComplete),
    };
  };

  /** A GET verifies the URL; nothing else is the platform's. */
  const handleOther = async (app: WecomApp, request: WebhookRequest): Promise<WebhookResponse> => {
    if (request.method !== "GET") throw new PayloadError(CHANNEL, "method", 405);
    const verified = verifyUrl(app, app.corp_id, request.query, now());
    log.info(
      { corpId: app.corp_id, agentId: app.agent_id, keyPair: keyPairOf(verified) },
      "callback URL verified",
    );
    return { status: 200, contentType: "text/plain; charset=utf-8", body: verified.text };
  };

  const webhookOf =
    (app: WecomApp): Webhook =>
    (request) =>
      request.method === "POST" ? handleCallback(app, request) : handleOther(app, request);

  const clients = new Map(
    apps.map((app) => [
      keyOf(app.corp_id, app.agent_id),
      createWecomClient({ app, fetch, now, random, log, timeoutMs, state, isAlone, metrics }),
    ]),
  );

  const clientOf = ({ workspaceId, appId }: ReplyTarget) => clients.get(keyOf(workspaceId, appId));
  const appsOf = (corpId: string) => apps.filter((app) => app.corp_id === corpId);
  // Of several, the first in the settings that can speak.
  const speakerOf = (corpId: string) =>
    appsOf(corpId).find(({ agent_id }) => agent_id !== CONTACT_SYNC);
  const appOf = (corpId: string): DetourApp | undefined => {
    const app = speakerOf(corpId);
    const client = app && clients.get(keyOf(corpId, app.agent_id));
    return client && { agentId: app.agent_id, send: client.send };
  };
  const clientOfCorp = (corpId: string) => {
    const app = speakerOf(corpId) ?? appsOf(corpId)[0];
    return app && clients.get(keyOf(corpId, app.agent_id));
  };
  const directory = createDirectory({
    corpIds: apps.map((app) => app.corp_id),
    state,
    log,
    now,
    // Whoever speaks to a bot is in the same directory.
    clientOf: ({ target }) => clientOf(target) ?? clientOfCorp(target.workspaceId),
  });
  const intake = createIntake({ log, now, metrics, note: (message) => directory.note(message) });

  const ofAll = { checkCorp, state, now, log, metrics };
  const links = bots.map((bot) => ({
    bot,
    link: createWecomBot({
      ...ofAll,
      bot,
      intake,
      fetch,
      timeoutMs,
      silenceMs,
      detour: createDetour(appOf, state),
      inlineMs: Math.min(inlineMs, BOT_INLINE_MS),
    }),
  }));
  const { linked } = options;
  const longLinks = linked
    ? linked.bots.map((bot) => ({
        bot,
        link: createBotLink({
          ...ofAll,
          bot,
          isAlone,
          random,
          leases: linked.leases,
          store: intake.store,
        }),
      }))
    : [];
  const linkedOf = (target: ReplyTarget) =>
    clientOf(target) ? undefined : longLinks.find(({ bot }) => bot.bot_id === target.appId);
  const longLinkOf = (target: ReplyTarget) => linkedOf(target)?.link;
  const botOf = (target: ReplyTarget) =>
    clientOf(target) ? undefined : links.find(({ bot }) => bot.id === target.appId)?.link;

  return {
    name: CHANNEL,
    directory,
    webhooks: uniqueByPath([
      ...apps.map((app) => [app.webhook_path, webhookOf(app)] as const),
      ...links.map(({ bot, link }) => [bot.webhook_path, link.webhook] as const),
    ]),
    start: async (receive) => {
      intake.open(receive);
      for (const { link } of longLinks) link.start();
    },
    stop: async () => {
      await Promise.all(longLinks.map(({ link }) => link.stop()));
      intake.close();
      for (const { link } of links) link.stop();
    },
    render: (reply, target) =>
      target && (botOf(target) || linkedOf(target))
        ? renderForBot(reply)
        : render(reply, target?.cardToken !== undefined),
    fault: () => longLinks.map(({ link }) => link.fault()).find((reason) => reason !== undefined),
    send: async (part, signal) => {
      const bot = botOf(part.target) ?? longLinkOf(part.target);
      if (bot) return bot.send(part, signal);
      const client = clientOf(part.target);
      if (!client) return { kind: "refused", reason: "the application is no longer configured" };
      return client.send(part, signal);
    },
    recall: async ({ id, target }, signal) => {
      const client = clientOf(target);
      if (client) return client.recall(id, signal);
      return { kind: "impossible", reason: "what an intelligent bot said cannot be taken back" };
    },
    // Bots only answer.
    directTarget: (workspaceId, userId) => {
      const app = speakerOf(workspaceId);
      if (!app || !isUserId(userId)) return undefined;
      const appId = app.agent_id;
      return { channel: CHANNEL, workspaceId, appId, address: userId, replyTo: "" };
    },
    progress: (target, markdown) =>
      (botOf(target) ?? longLinkOf(target))?.progress(target, markdown),
    silent: (target) => (botOf(target) ?? longLinkOf(target))?.silent(target),
    openAttachment: async (target, { ref }, signal) => {
      const bot = botOf(target);
      if (bot) return bot.openAttachment(ref, signal);
      const linkedBot = linkedOf(target)?.bot;
      if (linkedBot) {
        // Each file brings its own key.
        const { bot_id: botId, api_base_url: apiBaseUrl, file_hosts: fileHosts } = linkedBot;
        const media = { fetch, apiBaseUrl, fileHosts, keys: [], timeoutMs, botId, log };
        return openBotMedia(ref, media, signal);
      }
      const client = clientOf(target);
      if (client) return client.openMedia(ref, signal);
      throw new AttachmentError("refused", "the application is no longer configured");
    },
    // WeCom cannot be asked what it has delivered; its duplicate check makes sending again harmless.
    // What came of a try on a long connection may become known later.
    reconcile: async (part) => longLinkOf(part.target)?.reconcile(part) ?? { kind: "send" },
  };
};

// A bot's answer can grow before the person's eyes, so its response waits for quick ones only.
const BOT_INLINE_MS = 500;

// The address book's own callback is entered as application 0: it hears of changes and sends nothing.
const CONTACT_SYNC = "0";

const EMPTY: WebhookResponse = { status: 200 };

// Nothing else travels in a response; the rest goes by the API.
/**
 * What a response can carry of a body, which is text: an answer at once that needs no call of the
 * API is worth more than its looks. Undefined for cards and files, and for a part of a longer text.
 */
const sayable = (body: string): string | undefined => {
  const outgoing = fromBody(body);
  if (outgoing.kind === "markdown") return outgoing.plain;
  return outgoing.kind === "text" ? outgoing.text : undefined;
};

const isSayable = (body: string): boolean => sayable(body) !== undefined;

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
    throw new RangeError(
      "two WeChat Work applications or bots share a webhook_path; give each its own",
    );
  }
  return webhooks;
};
