import { randomUUID } from "node:crypto";
import type { BoundGroups } from "../config/bound-groups.ts";
import type { DepartmentNeeds } from "../config/department-needs.ts";
import type { Origin, Tenant, TenantIndex, TenantResolution } from "../config/tenant.ts";
import type { AuditRecord } from "./audit-log.ts";
import type { ChannelAdapter } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import type { InboundMessage } from "./contract/message.ts";
import type { Locale } from "./contract/model.ts";
import type { Notice } from "./contract/notice.ts";
import type { RefusalCode, Reply } from "./contract/reply.ts";
import type { InboxEntry } from "./delivery/inbox.ts";
import type { Identify } from "./identify.ts";
import { localeFor } from "./locale.ts";
import type { Pipeline } from "./pipeline.ts";
import { refuse } from "./refuse.ts";
import { outcomeOf } from "./stages/audit.ts";
import { isOutsider } from "./stages/outsiders.ts";
import { PLATFORM_SCOPE, type TenantScope, tenantScope } from "./store/scope.ts";
import type { Work } from "./store/store.ts";
import type { TurnSignal } from "./turn-signal.ts";

/** What follows from the settings; replaced as a whole when they change. */
export interface Rules {
  readonly tenants: TenantIndex;
  readonly pipeline: Pipeline;
  /** Whether anything depends on the departments of people of a workspace. Absent = nothing. */
  readonly asksForDepartments?: DepartmentNeeds;
  /** The groups that roles are bound to. Absent = none. */
  readonly boundGroups?: BoundGroups;
}

/** How a message was decided. */
export interface Turn {
  readonly reply: Reply;
  readonly locale: Locale;
  /** What is stored with the reply. */
  readonly records: readonly AuditRecord[];
  /** What else is done in the same transaction. */
  readonly kept: readonly Work<void>[];
}

/** Decides a message: for which tenant, and by its pipeline what is said. */
export interface Decider {
  /** The tenant of a message by the settings of this moment. */
  find(message: InboundMessage): TenantResolution;
  /** Every turn ends in a reply, also one of nobody's tenant, or of a message that kills processes. */
  decide(entry: InboxEntry, found: TenantResolution, signal: TurnSignal): Promise<Turn>;
}

export interface DeciderOptions {
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly rules: () => Rules;
  readonly identify: Pick<Identify, "isSettled">;
  readonly log: Log;
  readonly now: () => Date;
}

/** From which attempt on a message may be what killed the processes before it. */
export const SUSPECT_ATTEMPT = 3;
/** No process gets a message after this attempt, as which one that is begun alone counts: see `Suspects`. */
export const MAX_ATTEMPTS = 6;

export const createDecider = ({ adapters, rules, identify, log, now }: DeciderOptions): Decider => {
  // Without what it depends on, a less specific binding could win: another tenant's.
  const find: Decider["find"] = (message) => {
    if (message.content.kind === "notice") return ownerOf(message.content.notice);
    return message.sender.identity === "refused" || !identify.isSettled(message)
      ? { kind: "unknown" }
      : rules().tenants.resolve(originOf(message));
  };

  /** A notice is its tenant's, whoever is told. */
  const ownerOf = ({ tenantId }: Notice): TenantResolution => {
    const tenant = rules().tenants.get(tenantId);
    return tenant ? { kind: "tenant", tenant } : { kind: "unknown" };
  };

  const decide: Decider["decide"] = (entry, found, signal) =>
    found.kind === "tenant" && entry.attempt <= MAX_ATTEMPTS
      ? answerFor(found.tenant, entry, signal)
      : turnAway(entry, found);

  /** Asks the pipeline. */
  const answerFor = async (
    tenant: Tenant,
    { message }: InboxEntry,
    signal: TurnSignal,
  ): Promise<Turn> => {
    const { content, target } = message;
    const locale = localeFor(tenant.locale, textOf(message));
    const adapter = adapters.get(message.channel);
    // Nothing tells an outsider that somebody listens here.
    const isWaitedFor = content.kind === "text" && !isOutsider(message.sender);
    if (isWaitedFor && !signal.aborted) adapter?.working?.(target, locale);
    const isPartial = isWaitedFor && content.isPartial === true;
    const whole = isPartial ? await adapter?.complete?.(message, signal.abortSignal) : undefined;
    const records: AuditRecord[] = [];
    const kept: Work<void>[] = [];
    const reply = await rules().pipeline({
      message: whole ?? message,
      tenant,
      traceId: randomUUID(),
      locale,
      isSensitive: false,
      released: undefined,
      signal,
      progress: adapter?.progress && ((markdown) => adapter.progress?.(target, markdown)),
      suggest: adapter?.suggest && ((questions) => adapter.suggest?.(target, questions)),
      openAttachment:
        adapter?.openAttachment &&
        (async (attachment) =>
          adapter.openAttachment?.(target, attachment, signal.abortSignal) ??
          Promise.reject(new Error("closed"))),
      attached: undefined,
      note: undefined,
      record: (made) => void records.push(made),
      keep: (work) => void kept.push(work),
      earlier: undefined,
    });
    return { reply, locale, records, kept };
  };

  /** What is nobody's, and what has ended too many processes. */
  const turnAway = async (entry: InboxEntry, found: TenantResolution): Promise<Turn> => {
    const { message } = entry;
    const startedAt = now();
    const tenant = found.kind === "tenant" ? found.tenant : undefined;
    const locale = localeFor(tenant?.locale, textOf(message));
    const code = tenant ? "INTERNAL" : codeOf(found, identify.isSettled(message));
    if (tenant) log.error({ inbox: entry.id, alert: "poison_message" }, "message gave up on");
    // Who may not even know that somebody listens here is not told whose fault it is, either.
    const { kind } = message.content;
    const reply: Reply =
      kind === "event" || kind === "notice" || isOutsider(message.sender)
        ? { kind: "silence", reason: code }
        : refuse(code, locale);
    const record: AuditRecord = {
      at: startedAt,
      traceId: randomUUID(),
      scope: entry.scope,
      message,
      action: "message",
      subject: kind,
      durationMs: now().getTime() - startedAt.getTime(),
      ...outcomeOf(reply),
    };
    return { reply, locale, records: [record], kept: [] };
  };

  return { find, decide };
};

const originOf = ({ channel, workspaceId, conversation, sender }: InboundMessage): Origin => ({
  channel,
  workspaceId,
  conversationId: conversation.room ?? conversation.id,
  roles: sender.roles,
  departments: sender.departments,
  memberships: sender.memberships,
});

const codeOf = ({ kind }: TenantResolution, isIdentified: boolean): RefusalCode => {
  if (kind === "ambiguous") return "TENANT_AMBIGUOUS";
  return isIdentified ? "TENANT_UNKNOWN" : "DIRECTORY_UNAVAILABLE";
};

/** Whose a message is, as far as its tenant was found. */
export const scopeOf = (found: TenantResolution): TenantScope =>
  found.kind === "tenant" ? tenantScope(found.tenant.id) : PLATFORM_SCOPE;

const textOf = (message: InboundMessage): string =>
  message.content.kind === "text" ? message.content.text : "";
