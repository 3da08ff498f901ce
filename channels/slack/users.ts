import { setTimeout } from "node:timers/promises";
import type { Directory, Identity } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import { createDeadline } from "../deadline.ts";
import { describe } from "./api-outcome.ts";
import { isTrue, type JsonObject, objectIn, textIn } from "./json.ts";
import { CHANNEL } from "./types.ts";
import { createUserGroups } from "./user-groups.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

export interface UsersParts {
  readonly api: Pick<WebApi, "call">;
  readonly workspaces: Pick<Workspaces, "tokenFor" | "refused">;
  readonly now: () => Date;
  readonly log: Log;
}

// Who leaves or becomes a stranger is one within this time.
const KEPT_MS = 10 * 60_000;
// What could not be asked is asked again soon.
const UNKNOWN_MS = 15_000;
const REMEMBERED = 10_000;
// A turn must not wait long for a platform that does not answer.
const LONGEST_MS = 3_000;
const AGAIN_MS = 500;

interface Known {
  readonly identity: Identity;
  readonly until: number;
}

/**
 * Who people are, by `users.info`: asked where a message does not say whose they are. Who cannot be
 * looked up is taken for a stranger in a room that is shared with another organisation, and for one
 * of our own people where nobody else can be.
 */
export const createUsers = ({ api, workspaces, now, log }: UsersParts): Directory => {
  const groupsOf = createUserGroups({ api, workspaces, now, log });
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<Identity>>();
  // By workspace, until when Slack wants no more such calls: everybody's, not only whose it refused.
  const limits = new Map<string, number>();

  const recall = (message: InboundMessage): Identity | undefined => {
    const found = known.get(keyOf(message));
    return found && found.until > now().getTime() ? found.identity : undefined;
  };

  const remember = (message: InboundMessage, identity: Identity, forMs: number): Identity => {
    const key = keyOf(message);
    known.delete(key);
    known.set(key, { identity, until: now().getTime() + forMs });
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
    return identity;
  };

  /** Undefined when Slack did not say it: not for now, or not ever. */
  const askOnce = async (
    { workspaceId, sender }: InboundMessage,
    signal: AbortSignal,
  ): Promise<{ readonly user?: JsonObject; readonly isOver: boolean }> => {
    if ((limits.get(workspaceId) ?? 0) > now().getTime()) return { isOver: false };
    const token = await workspaces.tokenFor(workspaceId).catch(() => undefined);
    // Without a token there is no answer to be given, either.
    if (token === undefined) return { isOver: true };
    const deadline = createDeadline(LONGEST_MS, signal);
    const outcome = await api
      .call(token, "users.info", { user: sender.id }, deadline.signal)
      .finally(deadline.clear);
    if (outcome.kind === "limited") limits.set(workspaceId, now().getTime() + outcome.afterMs);
    if (outcome.kind === "error") workspaces.refused(workspaceId, token, outcome.error);
    const user = outcome.kind === "ok" ? objectIn(outcome.body, "user") : undefined;
    if (user) return { user, isOver: true };
    log.warn(
      { channel: CHANNEL, teamId: workspaceId, reason: describe(outcome) },
      "users.info does not say who somebody is",
    );
    return { isOver: outcome.kind === "error" || outcome.kind === "ok" };
  };

  const ask = async (message: InboundMessage, signal: AbortSignal): Promise<Identity> => {
    const isShared = message.conversation.isShared === true;
    for (;;) {
      const { user, isOver } = await askOnce(message, signal);
      if (user) return remember(message, identityOf(user, message.workspaceId), KEPT_MS);
      // Where only our own people can be, an answer must not wait for who exactly it is.
      if (isOver || !isShared || signal.aborted) {
        const unknown = { ...UNKNOWN, isExternal: isShared };
        return remember(message, unknown, UNKNOWN_MS);
      }
      await setTimeout(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  };

  return {
    groupsOf,
    isNeeded: ({ sender }) => sender.isExternal === undefined,
    known: async (message) => recall(message),
    lookUp: async (message, signal) => {
      const remembered = recall(message);
      if (remembered) return remembered;
      const key = keyOf(message);
      const underWay = asking.get(key);
      if (underWay) return underWay;
      const answer = ask(message, signal).finally(() => asking.delete(key));
      asking.set(key, answer);
      return answer;
    },
  };
};

const keyOf = ({ workspaceId, sender }: InboundMessage): string => `${workspaceId}/${sender.id}`;

const UNKNOWN = { isActive: true, displayName: "", departments: [] };

/** @see https://docs.slack.dev/reference/objects/user-object */
const identityOf = (user: JsonObject, teamId: string): Identity => {
  const home = textIn(user, "team_id");
  const organisation = objectIn(user, "enterprise_user");
  const workspaces = organisation?.teams;
  // In an organisation, people have a home workspace and are members of others.
  const isMember = Array.isArray(workspaces) && workspaces.includes(teamId);
  const isForeign =
    isTrue(user, "is_stranger") || (home !== undefined && home !== teamId && !isMember);
  const profile = objectIn(user, "profile");
  return {
    isActive: !isTrue(user, "deleted"),
    displayName: textIn(profile, "display_name") ?? textIn(user, "real_name") ?? "",
    departments: [],
    isExternal: isForeign,
    isBot: isTrue(user, "is_bot") || isTrue(user, "is_workflow_bot"),
  };
};
