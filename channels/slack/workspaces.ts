import { setTimeout } from "node:timers/promises";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { createIdentities, type IdentitiesParts, type TokenIdentity } from "./identities.ts";
import type { Installation, Installations } from "./installations.ts";
import { keyOf } from "./key-of.ts";
import type { RevokedInstallation } from "./parsed.ts";
import { CHANNEL } from "./types.ts";

/** The workspaces that the app is installed in, and who it is there. */
export interface Workspaces {
  /**
   * The bot token to speak with in a workspace; undefined where the app is not installed. Asked anew
   * for every call: tokens rotate. Rejects when it cannot be told for now: try again later.
   */
  tokenFor(teamId: string): Promise<string | undefined>;
  /** The same as far as it is known without asking anybody. */
  knownTokenOf(teamId: string): string | undefined;
  /** Who we are in a workspace; undefined where the app is not installed. Rejects like `tokenFor`. */
  botUserOf(teamId: string): Promise<BotUser | undefined>;
  /** Told that Slack refused this token (`invalid_auth`, `token_revoked` …): it is looked at again. */
  refused(teamId: string, token: string, error: string): void;
}

/** The same, and what the half that receives tells of them. */
export interface KeptWorkspaces extends Workspaces {
  /** Who we are as far as it is known without asking anybody. */
  knownBotUserOf(teamId: string): BotUser | undefined;
  /** Told that a workspace is one of an organisation that the app is installed for. */
  belongs(teamId: string, enterpriseId: string): Promise<void>;
  /** Told that the app was taken away. */
  revoke(revoked: RevokedInstallation): Promise<void>;
  /** What an operator has to put right; undefined while nothing is known to be wrong. */
  fault(): string | undefined;
  /** Begins to find out whose the tokens of the settings are. */
  start(): void;
  stop(): void;
}

/** @see https://docs.slack.dev/reference/methods/auth.test */
export interface BotUser {
  /** `U…` or `W…`. */
  readonly userId: string;
}

export interface WorkspacesParts extends IdentitiesParts {
  readonly botToken: string | undefined;
  /** Workspaces with a token of their own. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly installations: Installations;
  readonly state: ChannelState;
  readonly now: () => Date;
  readonly log: Log;
}

const KEPT_MS = 10 * 365 * 24 * 60 * 60_000;
/** What another process changes is seen within this time. */
const FRESH_MS = 30_000;
const ASK_AGAIN_MS = 5_000;
const TOLD_AGAIN_MS = 24 * 60 * 60_000;

/** The settings' tokens come first, then what was installed over OAuth. */
export const createWorkspaces = (parts: WorkspacesParts): KeptWorkspaces => {
  const { botToken, tokens, installations, state, now, log } = parts;
  const identities = createIdentities(parts);
  const stopped = new AbortController();
  const cached = new Map<string, { readonly value: Installation; readonly until: number }>();
  // By workspace.
  const organisations = new Map<string, string>();
  const installedBots = new Map<string, BotUser>();

  const organisationOf = async (teamId: string): Promise<string | undefined> => {
    const known = organisations.get(teamId);
    if (known !== undefined) return known;
    const kept = (await state.get(organisationKey(teamId)))?.value;
    if (kept !== undefined) organisations.set(teamId, kept);
    return kept;
  };

  const installed = async (teamId: string): Promise<Installation | undefined> => {
    const kept = cached.get(teamId);
    if (kept && kept.until > now().getTime()) return kept.value;
    const own = await installations.of(teamId);
    const enterpriseId = own ? undefined : await organisationOf(teamId);
    const value = own ?? (enterpriseId ? await installations.of(enterpriseId) : undefined);
    // Whoever has just installed it and writes at once is not to be told nothing.
    if (value) cached.set(teamId, { value, until: now().getTime() + FRESH_MS });
    else cached.delete(teamId);
    if (value && value.botUserId !== "") installedBots.set(teamId, { userId: value.botUserId });
    else installedBots.delete(teamId);
    return value;
  };

  /** Whether the settings' one token speaks in this workspace. */
  const isForTeam = async (token: string, teamId: string): Promise<boolean> => {
    const identity = await identities.of(token);
    if (!identity) return false;
    if (identity.teamId === teamId) return true;
    return isOfOrganisation(identity, await organisationOf(teamId));
  };

  const knownTokenOf = (teamId: string): string | undefined => {
    const own = tokens.get(teamId);
    if (own !== undefined || botToken === undefined) return own;
    return identities.known(botToken)?.teamId === teamId ? botToken : undefined;
  };

  const tokenFor = async (teamId: string): Promise<string | undefined> => {
    const known = knownTokenOf(teamId);
    if (known !== undefined) return known;
    const granted = await installed(teamId);
    if (granted) return granted.token;
    return botToken !== undefined && (await isForTeam(botToken, teamId)) ? botToken : undefined;
  };

  const knownBotUserOf = (teamId: string): BotUser | undefined => {
    const own = tokens.get(teamId);
    const byOwn = own === undefined ? undefined : identities.known(own);
    if (byOwn) return byOwn;
    const byBot = botToken === undefined ? undefined : identities.known(botToken);
    if (byBot?.teamId === teamId) return byBot;
    if (byBot && isOfOrganisation(byBot, organisations.get(teamId))) return byBot;
    return installedBots.get(teamId);
  };

  /** Until Slack answers: whose a token is must be known before the first mention comes, if it can. */
  const learn = async (token: string, teamId: string | undefined): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        const identity = await identities.of(token);
        const isOther = identity && teamId !== undefined && identity.teamId !== teamId;
        if (isOther && !identity.isEnterprise) misplaced.add(teamId);
        return;
      } catch (error) {
        log.warn({ err: error, channel: CHANNEL }, "auth.test not answered; trying again");
        const pause = { signal: stopped.signal, ref: false };
        await setTimeout(ASK_AGAIN_MS, undefined, pause).catch(() => {});
      }
    }
  };
  // Workspaces whose token in the settings is another workspace's.
  const misplaced = new Set<string>();

  return {
    tokenFor,
    knownTokenOf,
    knownBotUserOf,
    botUserOf: async (teamId) => {
      const known = knownBotUserOf(teamId);
      if (known) return known;
      const token = await tokenFor(teamId);
      if (token === undefined) return undefined;
      return knownBotUserOf(teamId) ?? (await identities.of(token));
    },
    refused: (teamId, token, error) => {
      cached.delete(teamId);
      if (token === botToken || tokens.get(teamId) === token) identities.refused(token, error);
    },
    belongs: async (teamId, enterpriseId) => {
      if (organisations.get(teamId) === enterpriseId) return;
      await state.put(organisationKey(teamId), enterpriseId, KEPT_MS);
      organisations.set(teamId, enterpriseId);
      cached.delete(teamId);
    },
    revoke: async (revoked) => {
      // Told again minutes later, it must not take away what was installed anew meanwhile.
      const toldKey =
        revoked.eventId === undefined ? undefined : `revoked/${keyOf(revoked.eventId)}`;
      if (toldKey !== undefined && (await state.get(toldKey))) return;
      await installations.revoke(revoked);
      if (toldKey !== undefined) await state.put(toldKey, "", TOLD_AGAIN_MS);
      cached.clear();
      installedBots.clear();
      const { teamId, why } = revoked;
      log.warn({ channel: CHANNEL, teamId, why }, "the app was taken away from a workspace");
    },
    fault: () => {
      const refusal = botToken === undefined ? undefined : identities.refusal(botToken);
      if (refusal !== undefined) return faultOf("bot_token", refusal);
      for (const [teamId, token] of tokens) {
        const word = identities.refusal(token);
        if (word !== undefined) return faultOf(`workspaces, team_id ${teamId}`, word);
      }
      const [teamId] = misplaced;
      return teamId === undefined
        ? undefined
        : `channels.slack.workspaces: the bot_token of team_id ${teamId} is another workspace's; copy the right one and restart`;
    },
    start: () => {
      if (botToken !== undefined) void learn(botToken, undefined);
      for (const [teamId, token] of tokens) void learn(token, teamId);
    },
    stop: () => {
      stopped.abort();
      identities.stop();
    },
  };
};

/** Whether a token speaks in every workspace of this organisation. */
const isOfOrganisation = (
  { isEnterprise, enterpriseId }: TokenIdentity,
  organisation: string | undefined,
): boolean => isEnterprise && enterpriseId !== undefined && enterpriseId === organisation;

const organisationKey = (teamId: string): string => `organisation/${teamId}`;

const faultOf = (where: string, word: string): string =>
  `Slack refuses the token of channels.slack.${where} (${word}): copy the Bot User OAuth Token of the app's OAuth & Permissions page into the settings and restart`;
