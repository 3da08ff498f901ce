import type { Attachment, InboundMessage, Membership, ReplyTarget } from "./message.ts";
import type { Locale } from "./model.ts";
import type { Answer, Refusal } from "./reply.ts";

/** One platform integration. Sees `core/contract` and nothing else of core. */
export interface ChannelAdapter {
  /** The channel's key under `channels` in the settings. */
  readonly name: string;
  /** Webhook handlers by exact path; empty for a channel that only opens sockets. */
  readonly webhooks: ReadonlyMap<string, Webhook>;
  /** Opens what the platform needs and hands every verified message to `receive`. */
  start(receive: Receive): Promise<void>;
  stop(): Promise<void>;
  /**
   * What an operator has to put right before the channel works: stable, fit for a health page.
   * Undefined while nothing is known to be wrong; calls no platform.
   */
  fault?(): string | undefined;
  /**
   * The reply as the bodies that the platform takes, in sending order. Pure, never empty. `target` is
   * where it goes: what can be shown may differ between a platform's apps and bots.
   */
  render(reply: Answer | Refusal, target?: ReplyTarget): readonly string[];
  /** Sends one rendered part. Does not throw: every way a send can end is a SendOutcome. */
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
  /**
   * Asked before a part is sent whose earlier try may have arrived. Looks at the platform where it
   * can be looked up; answers `send` where it did not arrive, or where `send` itself makes trying
   * again harmless. Does not throw.
   */
  reconcile(part: OutboundPart, signal: AbortSignal): Promise<Reconciliation>;
  /**
   * Takes a part back that was delivered by `send`, so that its receiver no longer sees it. Absent
   * where a platform cannot. Does not throw.
   */
  recall?(part: Pick<OutboundPart, "id" | "target">, signal: AbortSignal): Promise<RecallOutcome>;
  /**
   * The message with what its platform has told of it by another way since it was received. Asked as
   * its turn begins, of texts that are partial; takes a moment at most, and never throws.
   */
  complete?(message: InboundMessage, signal: AbortSignal): Promise<InboundMessage>;
  /**
   * Told that somebody is at work on an answer: where the platform can show it, it is shown from a
   * second later on, until the first part is sent or `silent` is told. Never throws.
   */
  working?(target: ReplyTarget, locale: Locale): void;
  /**
   * Shows what there is of a reply before it is whole, where the platform can: each call replaces
   * the one before. Best effort, paced by the channel; never throws.
   */
  progress?(target: ReplyTarget, markdown: string): void;
  /**
   * Shows questions that can be asked with one click to whoever just opened the chat, where the
   * platform has a place for them; best effort, never throws.
   */
  suggest?(target: ReplyTarget, suggestions: readonly Suggestion[]): void;
  /**
   * The platform takes identical texts as they come, so nobody has to find out for it whether a part
   * repeats one: `isRepeat` is always false. Default: it has to be found out.
   */
  readonly takesRepeats?: boolean;
  /**
   * Where one person of a workspace is told something that they did not ask for, in a direct chat.
   * Undefined where this cannot be. Calls no platform.
   */
  directTarget?(workspaceId: string, userId: string): ReplyTarget | undefined;
  /** Told that a message gets no answer, where somebody may be watching for one. Never throws. */
  silent?(target: ReplyTarget): void;
  /** Absent where messages bring all that there is to know of their sender. */
  readonly directory?: Directory;
  /** The bytes of an attachment of a message to `target`. Throws AttachmentError. */
  openAttachment?(
    target: ReplyTarget,
    attachment: Attachment,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>>;
}

/** A question that a person asks with one click. */
export interface Suggestion {
  /** What is clicked: a few words. */
  readonly title: string;
  /** What the person says by that. */
  readonly text: string;
}

/** What a platform knows of its people beyond what comes with a message. Nothing here throws. */
export interface Directory {
  /**
   * Whether the sender must be looked up before the turn, whatever the settings depend on; then
   * what cannot be asked must be decided all the same. Default: never.
   */
  isNeeded?(message: InboundMessage): boolean;
  /** What is remembered of the sender, without asking the platform: quick. */
  known(message: InboundMessage): Promise<Identity | undefined>;
  /** Asks the platform where nothing is remembered; undefined = it could not be asked. */
  lookUp(message: InboundMessage, signal: AbortSignal): Promise<Identity | undefined>;
  /**
   * Which of these groups of the workspace the sender is in, by their ids; one that the platform
   * cannot be asked about counts as one that they are not in. Absent where messages say it.
   */
  groupsOf?(
    message: InboundMessage,
    groups: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}

export interface Identity {
  /** False for who is disabled, has left, or is none of its people. */
  readonly isActive: boolean;
  readonly displayName: string;
  /** Ids and names; of those that the person is in directly. */
  readonly departments: readonly string[];
  /** Belongs to another organisation. Absent = what the message says. */
  readonly isExternal?: boolean;
  /** A program that speaks as a person would. Absent = what the message says. */
  readonly isBot?: boolean;
  /** For a conversation that lies in no workspace: those that the person is in. */
  readonly memberships?: readonly Membership[];
}

/** `send` it again; or what is known instead: it arrived, or this cannot be told for now. */
export type Reconciliation =
  | { readonly kind: "send" }
  | Extract<SendOutcome, { readonly kind: "delivered" | "retry" }>;

/**
 * Resolves once the message is durably stored, not once it is answered: acknowledge after it.
 * Rejects when it could not be stored; then the platform must be asked to try again. With an
 * OverloadError it is not to be stored for now.
 */
export type Receive = (message: InboundMessage) => Promise<Receipt>;

export interface Receipt {
  /** False for a redelivery of a message that is already stored. */
  readonly isNew: boolean;
  /**
   * The reply, if it can travel in the response that is being written now (a single part).
   * A new message waits for it until `deadline` resolves; after that the reply goes by `send`.
   * A redelivery never waits: it gets the same body again if an earlier response carried it.
   * `fits` says of a body whether the response can carry it, default any; what cannot goes by `send`.
   */
  inlineReply(
    deadline: Promise<void>,
    fits?: (body: string) => boolean,
  ): Promise<InlineReply | undefined>;
}

export interface InlineReply {
  /** One part, as `render` made it. */
  readonly body: string;
  /** Must be called once: true when the whole response was handed to the network. */
  settled(isComplete: boolean): void;
}

export interface OutboundPart {
  /** Deterministic: the same part of the same reply has the same id after a crash. */
  readonly id: string;
  readonly target: ReplyTarget;
  readonly body: string;
  /** 1 for the first try; above 1 an earlier try may or may not have reached the platform. */
  readonly attempt: number;
  /** An identical body went to the same target within the last hour: not a duplicate of it. See `takesRepeats`. */
  readonly isRepeat: boolean;
}

export type SendOutcome =
  | { readonly kind: "delivered" }
  /** Certainly not delivered; trying again after `afterMs` may help. */
  | { readonly kind: "retry"; readonly afterMs: number; readonly reason: string }
  /** Certainly not delivered and never will be. */
  | { readonly kind: "refused"; readonly reason: string }
  /** No answer, or a broken one: it may have been delivered. */
  | { readonly kind: "unknown"; readonly reason: string };

export type RecallOutcome =
  | { readonly kind: "recalled" }
  /** It can still be seen; trying again may help. */
  | { readonly kind: "failed"; readonly reason: string }
  /** It can still be seen, and no trying changes that. */
  | { readonly kind: "impossible"; readonly reason: string };

/** Handles one request on a webhook path. Throws SignatureError or PayloadError to refuse it. */
export type Webhook = (request: WebhookRequest) => Promise<WebhookResponse>;

/** A request as it came off the wire: plain values, so that a test needs no server. */
export interface WebhookRequest {
  readonly method: string;
  /** Everything after `?`, undecoded; empty when there is none. */
  readonly query: string;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The exact bytes that were signed, capped by the server while reading. */
  readonly body: Buffer;
  /** Resolves when the platform hangs up before the response is written, and never otherwise. */
  readonly hungUp: Promise<void>;
  /** So many requests are in work that none should be held open for long. Default false. */
  readonly isCrowded?: boolean;
}

export interface WebhookResponse {
  readonly status: number;
  readonly contentType?: string;
  /** Besides the content type, e.g. `location`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Called once: true when the whole response was handed to the network, false when it broke. */
  readonly settled?: (isComplete: boolean) => void;
}

/** A request that was refused before it became a message: forged, stale or unreadable, or one too many. */
export interface Rejection {
  readonly channel: string;
  /** Stable and machine-readable; the caller was not told. */
  readonly reason: string;
  /** HTTP status of the answer. */
  readonly status: number;
}
