import type { Directory, Identity } from "../../core/contract/channel.ts";
import type { InboundMessage, Membership } from "../../core/contract/message.ts";
import { pause } from "../pause.ts";
import type { Deferrals } from "./deferrals.ts";
import { idsIn, isPayload } from "./payload.ts";
import type { Rest, RestOutcome } from "./rest.ts";

/** Who is in which guild, with which roles. */
export interface Members {
  readonly directory: Directory;
  /** The roles of a person in a guild, `absent` for who is not in it, undefined when it cannot be told. */
  rolesIn(
    guildId: string,
    userId: string,
    signal: AbortSignal,
  ): Promise<readonly string[] | "absent" | undefined>;
}

export interface MembersOptions {
  readonly rest: Rest;
  /** The guilds that tenants are bound to: a direct chat belongs to those of them that its author is in. */
  readonly boundGuilds: () => readonly string[];
  /** An interaction is acknowledged before anything else is asked. */
  readonly deferrals: Pick<Deferrals, "settled">;
  readonly now: () => Date;
}

// Whoever left, or got a role, is known to within this time where no message says it.
const FRESH_MS = 10_000;
// What Discord cannot be asked about now is as it was so long ago.
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** Waiting for a rate limit is worth it up to here. */
const LONGEST_WAIT_MS = 3_000;

type Roles = readonly string[] | "absent";

export const createMembers = (options: MembersOptions): Members => {
  const { rest, boundGuilds, deferrals, now } = options;
  const remembered = new Map<string, { readonly roles: Roles; at: number }>();

  const recall = (guildId: string, userId: string, forMs: number): Roles | undefined => {
    const found = remembered.get(`${guildId}/${userId}`);
    return found && now().getTime() - found.at < forMs ? found.roles : undefined;
  };

  /** What needs not be asked: a role may have been taken away since, and counts no more then. */
  const recallWithoutRoles = (guildId: string, userId: string): Roles | undefined => {
    const known = recall(guildId, userId, FRESH_MS);
    return known === "absent" || known?.length === 0 ? known : undefined;
  };

  const get = async (
    route: string,
    mayWait: boolean,
    signal: AbortSignal,
  ): Promise<RestOutcome> => {
    for (;;) {
      const outcome = await rest.request("GET", route, { signal });
      if (outcome.kind !== "limited" || outcome.afterMs > LONGEST_WAIT_MS) return outcome;
      if (!mayWait) return outcome;
      await pause(outcome.afterMs, signal);
      if (signal.aborted) return outcome;
    }
  };

  const ask: Members["rolesIn"] = async (guildId, userId, signal) => {
    const at = now().getTime();
    const before = recall(guildId, userId, REMEMBERED_MS);
    const route = `/guilds/${guildId}/members/${userId}`;
    const roles = rolesOf(await get(route, before === undefined, signal));
    if (roles === undefined) return before;
    const key = `${guildId}/${userId}`;
    remembered.delete(key);
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(key, { roles, at });
    return roles;
  };

  const rolesIn: Members["rolesIn"] = async (guildId, userId, signal) =>
    recall(guildId, userId, FRESH_MS) ?? ask(guildId, userId, signal);

  const identityOf = (
    guilds: readonly string[],
    found: readonly (Roles | undefined)[],
  ): Identity | undefined => {
    const memberships: Membership[] = [];
    for (const [index, workspaceId] of guilds.entries()) {
      const roles = found[index];
      // One guild that cannot be asked could be the one that makes two of them.
      if (roles === undefined) return undefined;
      if (roles !== "absent") memberships.push({ workspaceId, roles });
    }
    return { ...KNOWN, memberships };
  };

  return {
    rolesIn,
    directory: {
      known: async ({ workspaceId, sender }: InboundMessage) => {
        if (workspaceId !== "") return KNOWN;
        const guilds = boundGuilds();
        return identityOf(
          guilds,
          guilds.map((guildId) => recallWithoutRoles(guildId, sender.id)),
        );
      },
      lookUp: async ({ id, workspaceId, sender }, signal) => {
        if (workspaceId !== "") return KNOWN;
        await deferrals.settled(id);
        const guilds = boundGuilds();
        const look = async (guildId: string) =>
          recallWithoutRoles(guildId, sender.id) ?? (await ask(guildId, sender.id, signal));
        return identityOf(guilds, await Promise.all(guilds.map(look)));
      },
    },
  };
};

/** In a guild Discord vouches for the author with each message, and it has no departments. */
const KNOWN: Identity = { isActive: true, displayName: "", departments: [] };

/** @see https://discord.com/developers/docs/resources/guild#get-guild-member */
const rolesOf = (outcome: RestOutcome): Roles | undefined => {
  if (outcome.kind === "ok") {
    return isPayload(outcome.body) ? idsIn(outcome.body, "roles") : undefined;
  }
  // Not in the guild; or our bot is not, which then is no tenant's to be reached through.
  const isAbsent = outcome.kind === "failed" && (outcome.status === 404 || outcome.status === 403);
  return isAbsent ? "absent" : undefined;
};
