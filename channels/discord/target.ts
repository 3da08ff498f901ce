import type { ReplyTarget } from "../../core/contract/message.ts";
import { idAt } from "./payload.ts";

/** The adapter's name, and the key under `channels` in the settings. */
export const CHANNEL = "discord";

/** Where an answer goes, and what else it may need on its way there. */
export interface DiscordTarget {
  /**
   * The room where the question is: a channel, a thread or a direct chat. With `isPerson` the id of
   * somebody who did not ask: it goes to the direct chat with them, which is opened for it.
   */
  readonly channelId: string;
  readonly isPerson?: true;
  /** Absent in direct chats. */
  readonly guildId?: string;
  /** Id of the message or of the interaction that is answered. */
  readonly replyTo: string;
  /** The answer goes into the thread of this message of `channelId`, which is started for it. */
  readonly threadOf?: ThreadStart;
  /** The question was an interaction. */
  readonly interaction?: TargetInteraction;
  /** The message with the card that was clicked. */
  readonly cardMessageId?: string;
  /** Bytes that one file may have there, where Discord says it. */
  readonly attachmentSizeLimit?: number;
}

export interface ThreadStart {
  /** The thread gets this id too. */
  readonly messageId: string;
  /** Untrusted; at most 100 characters of it are used. */
  readonly name: string;
}

/** What lets us answer an interaction; the token is a secret while it lasts. */
export interface TargetInteraction {
  readonly applicationId: string;
  readonly token: string;
  /** 15 minutes after the interaction. */
  readonly expiresAt: Date;
  /**
   * What was acknowledged: `message` = an answer is announced and edited in; `update` = a click,
   * whose own message stays as it is until it is edited.
   */
  readonly deferred: "message" | "update";
}

/**
 * A target as core keeps it. Everything but the secrets lies in its address; core seals `cardToken`.
 * @see https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
 */
export const discordTarget = (target: DiscordTarget): ReplyTarget => {
  const { channelId, guildId, replyTo, threadOf, interaction, cardMessageId } = target;
  const { attachmentSizeLimit, isPerson } = target;
  const address: Address = {
    channelId,
    ...(isPerson && { isPerson }),
    ...(threadOf && { threadOf }),
    ...(cardMessageId !== undefined && { cardMessageId }),
    ...(attachmentSizeLimit !== undefined && { attachmentSizeLimit }),
  };
  return {
    channel: CHANNEL,
    workspaceId: guildId ?? "",
    appId: interaction?.applicationId ?? "",
    address: JSON.stringify(address),
    replyTo,
    ...(interaction && {
      cardToken: JSON.stringify({
        token: interaction.token,
        expiresAt: interaction.expiresAt.getTime(),
        deferred: interaction.deferred,
      } satisfies Secret),
    }),
  };
};

/**
 * The direct chat with somebody who may never have written to us.
 * @param now looking back, nothing from much before it is taken for what is sent there
 */
export const personTarget = (userId: string, now: Date): ReplyTarget | undefined =>
  /^\d{1,20}$/.test(userId)
    ? discordTarget({
        channelId: userId,
        isPerson: true,
        replyTo: idAt(new Date(now.getTime() - CLOCKS_DIFFER_MS)),
      })
    : undefined;

const CLOCKS_DIFFER_MS = 10 * 60_000;

/** What `discordTarget` was given. */
export const readTarget = (target: ReplyTarget): DiscordTarget => {
  const address = JSON.parse(target.address) as Address;
  const secret =
    target.cardToken === undefined ? undefined : (JSON.parse(target.cardToken) as Secret);
  return {
    ...address,
    ...(target.workspaceId !== "" && { guildId: target.workspaceId }),
    replyTo: target.replyTo,
    ...(secret && {
      interaction: {
        applicationId: target.appId,
        token: secret.token,
        expiresAt: new Date(secret.expiresAt),
        deferred: secret.deferred,
      },
    }),
  };
};

type Address = Omit<DiscordTarget, "guildId" | "replyTo" | "interaction">;

interface Secret {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly deferred: "message" | "update";
}

/** The route below which an interaction is answered. @see https://discord.com/developers/docs/interactions/receiving-and-responding#endpoints */
export const webhookRoute = ({ applicationId, token }: TargetInteraction): string =>
  `/webhooks/${applicationId}/${token}`;

/** The route of the response to an interaction, or of the message that was clicked. */
export const originalRoute = (interaction: TargetInteraction): string =>
  `${webhookRoute(interaction)}/messages/@original`;
