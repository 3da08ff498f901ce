import type { Depth } from "../core/operators/depths.ts";
import type { QueuePage } from "../core/operators/queue.ts";
import type { QueueEntry, QueuePart } from "../core/operators/queue-entry.ts";

/** A message as machines read it, from the verb as over HTTP; `null` stands for nothing. */
export const entryView = (entry: QueueEntry, now: Date) => ({
  id: entry.id,
  tenant: entry.tenantId,
  channel: entry.channel,
  workspace: entry.workspaceId,
  conversation: entry.conversationId,
  state: entry.state,
  under_way: entry.isUnderWay,
  received_at: entry.receivedAt.toISOString(),
  age_seconds: ageSeconds(entry.receivedAt, now),
  attempts: entry.attempts,
  parts: { total: entry.parts, delivered: entry.partsDelivered },
  reason: entry.reason ?? null,
});

/** A message with the parts of its reply. */
export const messageView = (
  { entry, parts }: { readonly entry: QueueEntry; readonly parts: readonly QueuePart[] },
  now: Date,
) => ({
  ...entryView(entry, now),
  reply: parts.map((part) => ({
    part: part.part,
    via: part.via,
    state: part.state,
    under_way: part.isUnderWay,
    attempts: part.attempts,
    unsure: part.isUnsure,
    created_at: part.createdAt.toISOString(),
    due_at: part.dueAt.toISOString(),
    reason: part.reason ?? null,
  })),
});

/** A page of messages with the summary of all there are. */
export const pageView = ({ entries, next }: QueuePage, depths: readonly Depth[], now: Date) => ({
  messages: entries.map((entry) => entryView(entry, now)),
  next: next ?? null,
  depths: depths.map((depth) => ({
    tenant: depth.tenantId,
    state: depth.state,
    messages: depth.messages,
    oldest_age_seconds: depth.oldestAgeSeconds,
  })),
});

const ageSeconds = (since: Date, now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
