import { randomUUID } from "node:crypto";
import type { TenantIndex } from "../config/tenant.ts";
import { type AuditLog, PLATFORM_SCOPE } from "./audit-log.ts";
import type { ChannelAdapter, InlineReply, Receive } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import type { InboundMessage } from "./contract/message.ts";
import type { Locale } from "./contract/model.ts";
import type { Answer, Refusal, Reply } from "./contract/reply.ts";
import { type Inbox, type InboxEntry, laneOf } from "./delivery/inbox.ts";
import { createInlineWaiters } from "./delivery/inline-waiters.ts";
import { createKeyedLoops } from "./delivery/keyed-loops.ts";
import type { Outbox } from "./delivery/outbox.ts";
import { localeFor } from "./locale.ts";
import type { Pipeline } from "./pipeline.ts";
import { refuse } from "./refuse.ts";
import { outcomeOf } from "./stages/audit.ts";

/** Takes messages from the channels and sees each through: inbox, tenant, pipeline, outbox. */
export interface Dispatcher {
  readonly receive: Receive;
  /** Takes up what an earlier process left unfinished. */
  resume(): Promise<void>;
  /** Begins no more turns and resolves when the running ones are over. */
  drain(): Promise<void>;
}

/** What follows from the settings; replaced as a whole when they change. */
export interface Rules {
  readonly tenants: TenantIndex;
  readonly pipeline: Pipeline;
}

export interface DispatcherOptions {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly rules: () => Rules;
  readonly auditLog: AuditLog;
  readonly log: Log;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** How a message was decided. */
interface Turn {
  readonly tenantId: string;
  readonly reply: Reply;
  readonly locale: Locale;
}

const PARALLEL_TURNS = 64;
// A message under which this many processes died is not given to a further one.
const MAX_ATTEMPTS = 3;

export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { inbox, outbox, adapters, rules, auditLog, log, now, signal } = options;
  const waiters = createInlineWaiters();

  const loops = createKeyedLoops({
    concurrency: PARALLEL_TURNS,
    retryAfterMs: 1_000,
    onError: (lane, cause) => {
      if (!signal.aborted) log.error({ err: cause, lane }, "turn not finished; trying again");
    },
    step: async (lane) => {
      const entry = await inbox.begin(lane);
      if (!entry) return "idle";
      try {
        await finish(entry, await takeTurn(entry));
      } catch (cause) {
        // We are alive, so it was not this message that ended the processes before us.
        await inbox.giveBack(entry);
        throw cause;
      }
      return "again";
    },
  });

  const takeTurn = async (entry: InboxEntry): Promise<Turn> => {
    const { message } = entry;
    const startedAt = now();
    const traceId = randomUUID();
    const { tenants, pipeline } = rules();
    const found = tenants.resolve({
      channel: message.channel,
      workspaceId: message.workspaceId,
      conversationId: message.conversation.id,
      roles: message.sender.roles,
      departments: message.sender.departments,
    });
    const tenant = found.kind === "tenant" ? found.tenant : undefined;
    const locale = localeFor(tenant?.locale, textOf(message));
    if (tenant && entry.attempt <= MAX_ATTEMPTS) {
      const reply = await pipeline({ message, tenant, traceId, locale, signal });
      return { tenantId: tenant.id, reply, locale };
    }
    const code = tenant
      ? "INTERNAL"
      : found.kind === "ambiguous"
        ? "TENANT_AMBIGUOUS"
        : "TENANT_UNKNOWN";
    if (tenant) log.error({ inbox: entry.id, alert: "poison_message" }, "message gave up on");
    const reply: Reply =
      message.content.kind === "event" ? { kind: "silence", reason: code } : refuse(code, locale);
    const tenantId = tenant?.id ?? PLATFORM_SCOPE;
    await auditLog.record({
      at: startedAt,
      traceId,
      tenantId,
      message,
      action: "message",
      subject: message.content.kind,
      durationMs: now().getTime() - startedAt.getTime(),
      ...outcomeOf(reply),
    });
    return { tenantId, reply, locale };
  };

  const finish = async (entry: InboxEntry, { tenantId, reply, locale }: Turn): Promise<void> => {
    const parts = reply.kind === "silence" ? [] : render(entry, reply, locale);
    const waiter = waiters.take(entry.id);
    try {
      const { isInline } = await outbox.complete(entry, { tenantId, parts, mayInline: !!waiter });
      waiter?.(isInline ? inlineReply(entry.id, parts[0] ?? "") : undefined);
    } catch (cause) {
      waiter?.(undefined);
      throw cause;
    }
  };

  const render = (
    entry: InboxEntry,
    reply: Answer | Refusal,
    locale: Locale,
  ): readonly string[] => {
    const adapter = adapters.get(entry.message.channel);
    if (!adapter) {
      const fields = { inbox: entry.id, alert: "channel_off" };
      log.error(fields, "its channel is switched off: not answered");
      return [];
    }
    // A reply that cannot be rendered will not be rendered by doing its turn again, either.
    for (const candidate of [reply, refuse("INTERNAL", locale)]) {
      try {
        return adapter.render(candidate);
      } catch (cause) {
        const fields = { err: cause, inbox: entry.id, alert: "reply_not_renderable" };
        log.error(fields, "reply cannot be rendered");
      }
    }
    return [];
  };

  const inlineReply = (inboxId: number, body: string): InlineReply => ({
    body,
    settled: (isComplete) => {
      outbox.inlineSettled(inboxId, isComplete).catch((cause) => {
        log.error({ err: cause, inbox: inboxId }, "delivery of an inline reply not recorded");
      });
    },
  });

  return {
    receive: async (message) => {
      const { id, isNew } = await inbox.accept(message);
      if (isNew) {
        // In the next turn of the event loop, so that the adapter can say that it waits.
        setImmediate(() => loops.wake(laneOf(message)));
        return { isNew, inlineReply: (deadline) => waiters.wait(id, deadline) };
      }
      return {
        isNew,
        inlineReply: async () => {
          const body = await outbox.inlineBody(id);
          return body === undefined ? undefined : inlineReply(id, body);
        },
      };
    },
    resume: async () => {
      await outbox.resume();
      for (const lane of await inbox.pendingLanes()) loops.wake(lane);
    },
    drain: () => loops.drain(),
  };
};

const textOf = (message: InboundMessage): string =>
  message.content.kind === "text" ? message.content.text : "";
