import type { InboundMessage } from "../../core/contract/message.ts";
import type { FormRequest } from "./question-form.ts";
import type { Viewpoint } from "./viewed-rooms.ts";

/** A thread of a room, by the time stamp of its first message. */
export interface Thread {
  readonly teamId: string;
  readonly channelId: string;
  readonly ts: string;
}

/** Which room a person has open beside the chat with us; none, or none that may be told. */
export interface Viewed {
  readonly from: Viewpoint;
  readonly roomId?: string;
}

/** What something that Slack told us means to us. */
export type Parsed =
  | {
      readonly kind: "message";
      readonly message: InboundMessage;
      /** Nobody called us: it is meant for us only if we take part in this thread. */
      readonly ifIn?: Thread;
      /** We were called in this thread, so what is said in it from now on is meant for us too. */
      readonly joins?: Thread;
      /** Said in the chat with us: what the person has open beside it belongs to it. */
      readonly asksFrom?: Viewpoint;
      /** Told with it. */
      readonly views?: Viewed;
      /** Of the two events of a mention, the one that always tells which files came with it. */
      readonly tellsFiles?: true;
    }
  /** Nobody spoke; only what a person has open has changed. */
  | ({ readonly kind: "viewed" } & Viewed)
  /** Somebody wants to ask and has not said what. */
  | { readonly kind: "form_wanted"; readonly request: FormRequest }
  | { readonly kind: "revoked"; readonly installation: RevokedInstallation }
  /** `reason` is stable and machine-readable. */
  | { readonly kind: "ignored"; readonly reason: string }
  /** Whether it is meant for us cannot be told before we know who we are in this workspace. */
  | { readonly kind: "who_are_we"; readonly teamId: string };

/** Somebody took the app away, from one workspace or from a whole organisation. */
export interface RevokedInstallation {
  readonly teamId: string;
  readonly enterpriseId?: string;
  readonly isEnterprise: boolean;
  /** Slack's word: `app_uninstalled` or `tokens_revoked`. */
  readonly why: string;
  /** The same each time that Slack tells it. */
  readonly eventId?: string;
}

/** Where something happened. */
export interface Origin {
  readonly teamId: string;
  readonly channelId: string;
  readonly isDirect: boolean;
  /** The thread it lies in, or would begin; undefined for what stands in a direct chat by itself. */
  readonly threadTs?: string | undefined;
}
