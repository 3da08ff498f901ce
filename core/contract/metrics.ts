import type { SendOutcome } from "./channel.ts";
import type { Content } from "./message.ts";
import type { Reply } from "./reply.ts";

/**
 * Counts what happens. Every call says whose it is: `_platform` where no tenant is known yet. A call
 * costs up to a fifth of a microsecond and cannot fail; labels are words from the settings, from our
 * own code or a platform's error codes, never a person's text, an id of one, or a secret.
 */
export interface Metrics {
  /** A platform told us something, and this became of it. */
  told(whose: Whose, channel: string, kind: ToldKind, stage: ToldStage, outcome: ToldOutcome): void;
  /**
   * A turn ended with this reply stored, so long after its message; `attempt` is above 1 where a
   * process died over it.
   */
  turnEnded(whose: Whose, channel: string, reply: Reply, attempt: number, ms: number): void;
  /** One try to deliver a part ended; `attempt` is 1 for the first. */
  sendEnded(whose: Whose, channel: string, outcome: SendOutcome["kind"], attempt: number): void;
  /**
   * A model was to be asked; `outcome` is `OK` or the code of why not. `costUsd` as far as it was
   * charged and its price is known.
   */
  modelAsked(whose: Whose, provider: string, outcome: string, ms: number, costUsd: number): void;
  /** A skill was called; `verdict` is `OK` or the code of the refusal. */
  skillRan(whose: Whose, skill: string, verdict: string, ms: number): void;
  /** What is counted of one channel's links and calls. */
  ofChannel(whose: Whose, channel: string): ChannelMetrics;
}

/** What a channel counts of itself; made for one channel and one owner, so it names neither. */
export interface ChannelMetrics {
  /** What the platform told came to an end in the channel, before the core had it. */
  told(kind: ToldKind, stage: ToldStage, outcome: ToldOutcome): void;
  /**
   * A request was refused before it was a message: `verify` for what is not the platform's, `read` for
   * what is no such request. `reason` is the stable code that goes to the log, or the HTTP status.
   */
  refused(stage: "verify" | "read", reason: string): void;
  /** So long after it came in, a request or an envelope was acknowledged. */
  acknowledged(ms: number): void;
  /** A call of the platform's API ended: its own code or word, or ours for how there was no answer. */
  apiAnswered(code: string | number): void;
  /** Asked for a new access token. */
  tokenRefreshed(isGranted: boolean): void;
  /** An answer that grew before people's eyes stopped growing, so long after it began. */
  streamEnded(ms: number): void;
  /** A connection that only one replica may hold changed hands, or any connection went up or down. */
  connectionChanged(change: ConnectionChange): void;
}

/** A tenant's wall, as far as a count has to know it. */
export interface Whose {
  readonly tenantId: string;
}

/** What was told: the kind of a message, or `unread` where nobody got so far as to read it. */
export type ToldKind =
  | Content["kind"]
  | "image"
  | "voice"
  | "video"
  | "file"
  | "poll"
  | "verification"
  | "unread";

/** How far it came: the place at the door, the signature, its form, its meaning, the store. */
export type ToldStage = "gate" | "verify" | "read" | "parse" | "store" | "answer";

export type ToldOutcome =
  /** Stored for the first time. */
  | "new"
  /** Stored before: a redelivery. */
  | "duplicate"
  /** Answered without being stored: a poll, a URL's verification. */
  | "answered"
  /** Not taken for now: too much waits of its tenant, or at the door. The platform tells it again. */
  | "put_off"
  /** Forged, or no request that can be read. */
  | "refused"
  /** Genuine, and acknowledged, but nothing that this version understands. */
  | "not_understood"
  /** Ours to put right: the store is away, or a fault. */
  | "failed";

/** `gained`, `released`, `lost` and `displaced` are about who holds it; `up` and `down` about the link. */
export type ConnectionChange = "gained" | "released" | "lost" | "displaced" | "up" | "down";

/** The kind of a message that a platform told us. */
export const kindOf = (content: Content): ToldKind =>
  content.kind === "text" ? (content.attachments?.[0]?.kind ?? "text") : content.kind;

/** Counts nothing. */
export const NO_CHANNEL_METRICS: ChannelMetrics = {
  told: () => {},
  refused: () => {},
  acknowledged: () => {},
  apiAnswered: () => {},
  tokenRefreshed: () => {},
  streamEnded: () => {},
  connectionChanged: () => {},
};

/** Counts nothing: for whoever works where nobody reads it. */
export const NO_METRICS: Metrics = {
  told: () => {},
  turnEnded: () => {},
  sendEnded: () => {},
  modelAsked: () => {},
  skillRan: () => {},
  ofChannel: () => NO_CHANNEL_METRICS,
};
