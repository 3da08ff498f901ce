import type { Group, RoleIndex } from "../../config/roles.ts";
import type { InboundMessage, Sender } from "../contract/message.ts";
import { chatPermission } from "../operators/permission-table.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";

/** Whether the sender's roles carry `agent:chat`. */
export const mayChat = (roles: RoleIndex, message: InboundMessage): boolean =>
  permissionsOf(roles, message).has("agent:chat");

/** Whether the sender's roles carry `content:review`. */
export const mayReview = (roles: RoleIndex, message: InboundMessage): boolean =>
  permissionsOf(roles, message).has("content:review");

/**
 * Refuses senders whose roles do not carry what the table of permissions asks of a command, or of
 * whoever talks to an agent. Which skills they get is the agent's check.
 */
export const authorize =
  (roles: RoleIndex): Stage =>
  (context, next) => {
    const { message, locale } = context;
    const needed = chatPermission(message.content.kind === "text" ? message.content.text : "");
    return permissionsOf(roles, message).has(needed)
      ? next(context)
      : refuse("NOT_PERMITTED", locale);
  };

const permissionsOf = (roles: RoleIndex, { channel, workspaceId, sender }: InboundMessage) =>
  roles.permissionsOf({
    channel,
    workspaceId,
    senderId: sender.id,
    departments: sender.departments,
    groups: groupsOf(sender, workspaceId),
    memberOf: sender.memberships?.map((of) => of.workspaceId),
  });

/** The platform's roles are groups, too; in a direct chat those of all workspaces that it vouches for. */
const groupsOf = (
  { roles, groups = [], memberships }: Sender,
  workspaceId: string,
): readonly Group[] =>
  memberships
    ? memberships.flatMap((of) => of.roles.map((id) => ({ workspaceId: of.workspaceId, id })))
    : [...roles, ...groups].map((id) => ({ workspaceId, id }));
