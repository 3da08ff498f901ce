import type { Directory } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import { describe } from "./api-outcome.ts";
import { objectsIn, textIn } from "./json.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

export interface UserGroupsParts {
  readonly api: Pick<WebApi, "call">;
  readonly workspaces: Pick<Workspaces, "tokenFor" | "refused">;
  readonly now: () => Date;
  readonly log: Log;
}

// Who is taken out of a group has its roles no longer than this.
const KEPT_MS = 60_000;
// What could not be asked is asked again soon.
const FAILED_MS = 15_000;
const REMEMBERED = 1_000;
// A turn must not wait long for a platform that does not answer.
const LONGEST_MS = 3_000;

type Members = ReadonlyMap<string, ReadonlySet<string>>;

const NONE: Members = new Map();

/**
 * Who is in which user group, by one `usergroups.list` a minute and workspace. Without the scope
 * `usergroups:read`, or while Slack cannot be asked, nobody is in any.
 * @see https://docs.slack.dev/reference/methods/usergroups.list
 */
export const createUserGroups = (parts: UserGroupsParts): NonNullable<Directory["groupsOf"]> => {
  const { api, workspaces, now, log } = parts;
  const known = new Map<string, { readonly members: Promise<Members>; until: number }>();

  const ask = async (teamId: string): Promise<Members | undefined> => {
    const token = await workspaces.tokenFor(teamId).catch(() => undefined);
    if (token === undefined) return undefined;
    const args = { include_users: true, team_id: teamId };
    const outcome = await api.call(
      ...([token, "usergroups.list", args, AbortSignal.timeout(LONGEST_MS)] as const),
    );
    if (outcome.kind === "error") workspaces.refused(teamId, token, outcome.error);
    if (outcome.kind === "ok") {
      return new Map(
        objectsIn(outcome.body, "usergroups").map((group) => [
          textIn(group, "id") ?? "",
          new Set(Array.isArray(group.users) ? (group.users as unknown[]).map(String) : []),
        ]),
      );
    }
    log.warn(
      { channel: CHANNEL, teamId, reason: describe(outcome), alert: "slack_groups_unavailable" },
      "usergroups.list does not say who is in which group: roles of groups are given to nobody",
    );
    return undefined;
  };

  const membersOf = (teamId: string): Promise<Members> => {
    const remembered = known.get(teamId);
    if (remembered && remembered.until > now().getTime()) return remembered.members;
    const asked = ask(teamId);
    const entry = {
      members: asked.then((members) => members ?? NONE),
      until: now().getTime() + KEPT_MS,
    };
    void asked.then((members) => {
      if (!members) entry.until = now().getTime() + FAILED_MS;
    });
    known.delete(teamId);
    known.set(teamId, entry);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
    return entry.members;
  };

  return async ({ workspaceId, sender }, groups) => {
    if (sender.isExternal) return [];
    const members = await membersOf(workspaceId);
    return groups.filter((group) => members.get(group)?.has(sender.id));
  };
};
