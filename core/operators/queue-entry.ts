import { conversationOf } from "../delivery/lane.ts";
import type { MessageRow, PartRow } from "./queue-rows.ts";

/** `waiting`: no reply yet. `sending`: not all of its reply is out. `dead`: an operator has to decide. */
export const QUEUE_STATES = ["waiting", "sending", "dead"] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

/** A message as an operator sees it: never what people wrote. */
export interface QueueEntry {
  readonly id: number;
  readonly tenantId: string;
  readonly channel: string;
  readonly workspaceId: string;
  readonly conversationId: string;
  /** `done` only when it was asked for by its id. */
  readonly state: QueueState | "done";
  /** Whether a living process works on its turn or sends a part of it right now. */
  readonly isUnderWay: boolean;
  readonly receivedAt: Date;
  /** Tries of what it waits for: its turn, or the part that was tried most. */
  readonly attempts: number;
  /** Why it is dead, or the last try failed. */
  readonly reason?: string;
  readonly parts: number;
  readonly partsDelivered: number;
}

/** A part of a reply as an operator sees it. */
export interface QueuePart {
  /** 0-based. */
  readonly part: number;
  readonly via: "inline" | "send";
  readonly state: "pending" | "delivered" | "dead";
  readonly isUnderWay: boolean;
  readonly attempts: number;
  /** Nobody knows whether the last try reached the platform; the channel finds out before the next. */
  readonly isUnsure: boolean;
  readonly createdAt: Date;
  /** Not to be sent before. */
  readonly dueAt: Date;
  readonly reason?: string;
}

const STATE_NAMES = {
  pending: "waiting",
  answered: "sending",
  dead: "dead",
  done: "done",
} as const;

/** The operators' word for a state of the inbox. */
export const stateOf = ({ state }: MessageRow): QueueEntry["state"] => STATE_NAMES[state];

/** A message's row as an operator sees it at this time (epoch milliseconds). */
export const entryOf = (row: MessageRow, at: number): QueueEntry => {
  const reason = row.reason ?? row.waits_for;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    channel: row.channel,
    ...conversationOf(row.lane),
    state: stateOf(row),
    isUnderWay: (row.turn_until ?? 0) > at || (row.send_until ?? 0) > at,
    receivedAt: new Date(row.received_at),
    attempts: row.parts > 0 ? (row.tries ?? 0) : row.turns,
    ...(reason !== null && { reason }),
    parts: row.parts,
    partsDelivered: row.delivered,
  };
};

/** A part's row as an operator sees it at this time (epoch milliseconds). */
export const partOf = (row: PartRow, at: number): QueuePart => ({
  part: row.part,
  via: row.via,
  state: row.state,
  isUnderWay: isInFlight(row, at),
  attempts: row.attempts,
  isUnsure: row.unsure === 1,
  createdAt: new Date(row.created_at),
  dueAt: new Date(row.due_at),
  ...(row.reason !== null && { reason: row.reason }),
});

/** Whether some process sends the part, or an open response may be carrying it. */
const isInFlight = (row: PartRow, at: number): boolean =>
  row.state === "pending" &&
  ((row.lease_until ?? 0) > at || (row.via === "inline" && row.due_at > at));
