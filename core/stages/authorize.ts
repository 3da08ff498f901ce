import type { RoleIndex } from "../../config/roles.ts";
import type { InboundMessage } from "../contract/message.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";

/** Whether the sender's roles carry `agent:chat`. */
export const mayChat = (
  roles: RoleIndex,
  { channel, workspaceId, sender }: InboundMessage,
): boolean =>
  roles
    .permissionsOf({ channel, workspaceId, senderId: sender.id, departments: sender.departments })
    .has("agent:chat");

/** Refuses senders whose roles do not carry `agent:chat`. Which skills they get is the agent's check. */
export const authorize =
  (roles: RoleIndex): Stage =>
  async (context, next) =>
    mayChat(roles, context.message) ? next() : refuse("NOT_PERMITTED", context.locale);
