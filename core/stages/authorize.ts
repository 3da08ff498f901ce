import type { RoleIndex } from "../../config/roles.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";

/** Refuses senders whose roles do not carry `agent:chat`. Which skills they get is the agent's check. */
export const authorize =
  (roles: RoleIndex): Stage =>
  async (context, next) => {
    const { channel, workspaceId, sender } = context.message;
    const permissions = roles.permissionsOf({
      channel,
      workspaceId,
      senderId: sender.id,
      departments: sender.departments,
    });
    return permissions.has("agent:chat") ? next() : refuse("NOT_PERMITTED", context.locale);
  };
