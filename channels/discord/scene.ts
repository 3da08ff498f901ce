import type { Conversations } from "./conversations.ts";
import type { Members } from "./members.ts";
import { isFromPerson, isMention, type Place, type Self } from "./parse.ts";
import { idsIn, numberIn, objectIn, type Payload } from "./payload.ts";
import type { Places } from "./places.ts";

/** What is known of where something was said, and of who said it. */
export interface Scene {
  /** Who we are in a guild, or in direct chats. */
  selfIn(guildId: string | undefined): Self;
  /** Whether all that is said in a room is meant for us. */
  isOwned(channelId: string): boolean;
  /** Whether a message may be meant for us, told without asking anybody. */
  concernsUs(message: Payload, channelId: string, guildId: string | undefined): boolean;
  /** The room. Rejects with UnsettledError. */
  placeOf(data: Payload, channelId: string, guildId: string | undefined): Promise<Place>;
  /**
   * The roles of a person, as they are told with the message; for one that was read later, as they
   * are now. Rejects with UnsettledError.
   */
  rolesOf(
    data: Payload,
    guildId: string | undefined,
    userId: string,
  ): Promise<readonly string[] | "absent">;
}

export interface SceneOptions {
  readonly conversations: Pick<Conversations, "get">;
  readonly places: Places;
  readonly members: Pick<Members, "rolesIn">;
  readonly ourId: () => string;
  readonly signal: AbortSignal;
}

/** What cannot be told for now. */
class UnsettledError extends Error {
  override readonly name = "UnsettledError";
}

export const createScene = (options: SceneOptions): Scene => {
  const { conversations, places, members, ourId, signal } = options;

  const selfIn = (guildId: string | undefined): Self => ({
    userId: ourId(),
    roleIds: places.ourRoles(guildId),
  });

  const isOwned = (channelId: string): boolean =>
    conversations.get(channelId)?.isOwned === true || places.isOurThread(channelId);

  return {
    selfIn,
    isOwned,

    concernsUs: (message, channelId, guildId) =>
      isFromPerson(message, selfIn(guildId)) &&
      (guildId === undefined || isOwned(channelId) || isMention(message, selfIn(guildId))),

    placeOf: async (data, channelId, guildId) => {
      const type = numberIn(data, "channel_type");
      const room = { channelId, guildId, ...(type !== undefined && { type }) };
      const place = await places.of(room, signal);
      if (!place) throw new UnsettledError(`room ${channelId} cannot be looked at`);
      return { ...place, isOwned: isOwned(channelId) };
    },

    rolesOf: async (data, guildId, userId) => {
      const member = objectIn(data, "member");
      if (guildId === undefined) return [];
      if (member) return idsIn(member, "roles");
      const roles = await members.rolesIn(guildId, userId, signal);
      if (roles === undefined) throw new UnsettledError(`guild ${guildId} cannot be asked`);
      return roles;
    },
  };
};
