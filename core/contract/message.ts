import type { CardClick } from "./card.ts";
import type { Notice } from "./notice.ts";
import type { ReviewOutcome } from "./review.ts";

/**
 * One thing that reached us from a platform, verified, in our words. Immutable; the platform's own
 * payload stays inside its channel.
 */
export interface InboundMessage {
  /** De-duplication key: unique within `channel`, the same for every redelivery. */
  readonly id: string;
  /** The channel's key under `channels` in the settings, e.g. `wechat_work`. */
  readonly channel: string;
  /** WeCom corp, Slack team, Discord guild; (channel, workspaceId) is where tenant bindings start. */
  readonly workspaceId: string;
  readonly conversation: Conversation;
  readonly sender: Sender;
  readonly content: Content;
  readonly target: ReplyTarget;
  readonly sentAt: Date;
  /** Set by the core alone, on a message that was held and comes back. */
  readonly reviewed?: ReviewOutcome;
  /** Set with it, and stays: the id that the message was accepted under when it was held first. */
  readonly originalId?: string;
}

/** A room or a direct chat. Messages of one conversation are answered strictly in order. */
export interface Conversation {
  /** Unique within (channel, workspaceId); includes the app or thread where a platform has them. */
  readonly id: string;
  readonly kind: "direct" | "group";
  /** The room that a thread lies in: what bindings name. Default: `id`. */
  readonly room?: string;
  /** The platform says that people of another organisation are in it too. Default false. */
  readonly isShared?: boolean;
}

export interface Sender {
  /** Identity key: unique within (channel, workspaceId), folded where the platform ignores case. */
  readonly id: string;
  readonly displayName: string;
  readonly isBot: boolean;
  /** Department ids and names that the platform vouches for; empty when unknown. */
  readonly departments: readonly string[];
  /**
   * What the platform's directory says: `refused` = disabled, left, or none of its people. Absent
   * while it was not asked, which is only done where settings depend on departments.
   */
  readonly identity?: "known" | "refused";
  /** The platform's role ids; empty when it has none. */
  readonly roles: readonly string[];
  /** Ids of those groups that roles are bound to and the platform says the person is in. Default none. */
  readonly groups?: readonly string[];
  /** Belongs to another organisation: a guest of a shared channel, for example. Default false. */
  readonly isExternal?: boolean;
  /**
   * The workspaces that the platform says the person is in, with their roles there. Only for a
   * conversation that lies in none of them, e.g. a Discord direct message: `workspaceId` is empty then.
   */
  readonly memberships?: readonly Membership[];
}

/** A person's place in one workspace. */
export interface Membership {
  readonly workspaceId: string;
  readonly roles: readonly string[];
}

export type Content =
  | {
      readonly kind: "text";
      /** Exactly what the person wrote, the mention of the bot removed; empty beside attachments. */
      readonly text: string;
      /** What the person refers to: somebody else's words, never an instruction. */
      readonly quote?: string;
      /**
       * The platform's id of the room that the person has open beside the chat: which one, never
       * what is said in it.
       */
      readonly openRoom?: string;
      readonly attachments?: readonly Attachment[];
      /** The platform may tell of files by another way: see `ChannelAdapter.complete`. Default false. */
      readonly isPartial?: true;
    }
  /** A message whose kind this version cannot read; `type` is the platform's word, e.g. `image`. */
  | { readonly kind: "unsupported"; readonly type: string }
  /** Something happened, nobody spoke: never answered with a refusal. */
  | { readonly kind: "event"; readonly event: InboundEvent }
  /** Made by the core alone: nobody wrote it, and the sender is who is told. */
  | { readonly kind: "notice"; readonly notice: Notice };

/** A file that came with a message. Its bytes stay with the platform until its adapter opens it. */
export interface Attachment {
  readonly kind: "image" | "voice" | "video" | "file";
  /** As the platform tells it: untrusted, for people to read only. */
  readonly name: string;
  /** Undefined where the platform does not say it before the download. */
  readonly sizeBytes?: number;
  /** The channel's own reference; only its channel reads inside. */
  readonly ref: string;
}

/**
 * What happened. `name` is our word; `fields` are the platform's own details, all untrusted text. Of
 * `message_deleted`, the sender is who had written the message, and `fields.id` is its id; those of
 * its edits begin with that, and `/edit/` behind it.
 */
export interface InboundEvent {
  readonly name:
    | "member_joined"
    | "member_left"
    | "app_opened"
    | "location_reported"
    | "menu_clicked"
    | "link_opened"
    | "code_scanned"
    | "picture_chosen"
    | "location_chosen"
    | "card_clicked"
    | "job_finished"
    | "contact_changed"
    | "approval_changed"
    | "feedback_given"
    | "message_edited"
    | "message_deleted"
    | "form_submitted"
    | "other";
  /** The platform's own word, e.g. `enter_agent`. */
  readonly platformName: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Set for `card_clicked` where the card is one of ours. */
  readonly click?: CardClick;
}

/** Where a reply goes. Core stores it and hands it back; only its channel reads inside. */
export interface ReplyTarget {
  readonly channel: string;
  readonly workspaceId: string;
  /** The app or bot that was spoken to, e.g. the WeCom agent id. */
  readonly appId: string;
  /** The channel's own address of the receiver, e.g. a WeCom userid in its original case. */
  readonly address: string;
  /** Id of the message that is answered. */
  readonly replyTo: string;
  /** What the platform wants back to change the card that was clicked; a secret for one use. */
  readonly cardToken?: string;
}
