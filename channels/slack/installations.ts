import type { ChannelState, Leases } from "../../core/contract/channel-state.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { describe } from "./api-outcome.ts";
import { isTrue, type JsonObject, objectIn, readObject, textIn } from "./json.ts";
import type { RevokedInstallation } from "./parsed.ts";
import { isSlackId } from "./types.ts";
import type { WebApi } from "./web-api.ts";

/** What Slack granted when somebody installed the app. */
export interface Installation {
  /** The workspace, or the organisation where it was installed for all of it. */
  readonly id: string;
  readonly token: string;
  readonly botUserId: string;
  /** Set where tokens rotate: good for one use. */
  readonly refreshToken?: string;
  /** Epoch ms. */
  readonly expiresAt?: number;
}

/** The installations made over OAuth, sealed in the channel's state. */
export interface Installations {
  /** With a token that is good for a while; rejects when there is none to be had for now. */
  of(id: string): Promise<Installation | undefined>;
  save(installation: Installation): Promise<void>;
  revoke(revoked: RevokedInstallation): Promise<void>;
}

export interface InstallationsParts {
  readonly state: ChannelState;
  readonly leases: Leases;
  readonly api: Pick<WebApi, "call">;
  /** Absent where the app cannot be installed through the gateway, and tokens not refreshed. */
  readonly client?: { readonly id: string; readonly secret: string };
  readonly now: () => Date;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

const KEPT_MS = 10 * 365 * 24 * 60 * 60_000;
/** Rotating tokens live for 12 hours: one that cannot be refreshed at once is good for a while. */
const REFRESH_BEFORE_MS = 60 * 60_000;
const CALL_MS = 10_000;

export const createInstallations = (parts: InstallationsParts): Installations => {
  const { state, leases, api, client, now, metrics } = parts;
  const keyOf = (id: string): string => `installation/${id}`;
  const refreshing = new Map<string, Promise<Installation>>();

  const load = async (id: string): Promise<Installation | undefined> => {
    const found = await state.get(keyOf(id));
    return found && readInstallation(id, readObject(found.value));
  };
  const save = (installation: Installation): Promise<void> =>
    state.put(keyOf(installation.id), JSON.stringify(installation), KEPT_MS);

  /** One process at a time, because a refresh token is good for one use. */
  const refresh = async (id: string): Promise<Installation> => {
    const lease = await leases.acquire(`refresh/${id}`);
    if (!lease) throw new Error(`slack token of ${id} is being refreshed by another process`);
    try {
      const current = await load(id);
      if (!current || !client) throw new Error(`slack token of ${id} cannot be refreshed`);
      // Somebody else did it while we came to be the one.
      if (!isDue(current, now())) return current;
      const args = {
        client_id: client.id,
        client_secret: client.secret,
        grant_type: "refresh_token",
        refresh_token: current.refreshToken,
      };
      const outcome = await api.call("", "oauth.v2.access", args, AbortSignal.timeout(CALL_MS));
      const fresh = outcome.kind === "ok" ? grantedBy(outcome.body, now()) : undefined;
      metrics?.tokenRefreshed(fresh !== undefined);
      if (!fresh) throw new Error(`slack token of ${id} not refreshed: ${describe(outcome)}`);
      const refreshed = { ...current, ...fresh, id };
      await save(refreshed);
      return refreshed;
    } finally {
      await lease.release();
    }
  };

  const refreshOnce = (id: string): Promise<Installation> => {
    const underWay = refreshing.get(id);
    if (underWay) return underWay;
    const made = refresh(id).finally(() => refreshing.delete(id));
    refreshing.set(id, made);
    return made;
  };

  return {
    save,
    of: async (id) => {
      const found = await load(id);
      if (!found || !isDue(found, now())) return found;
      return refreshOnce(id).catch((error: unknown) => {
        if ((found.expiresAt ?? 0) > now().getTime()) return found;
        throw error;
      });
    },
    revoke: async ({ teamId, enterpriseId, isEnterprise }) => {
      await state.forget(keyOf(isEnterprise ? (enterpriseId ?? teamId) : teamId));
    },
  };
};

const isDue = ({ refreshToken, expiresAt }: Installation, now: Date): boolean =>
  refreshToken !== undefined &&
  expiresAt !== undefined &&
  expiresAt - now.getTime() < REFRESH_BEFORE_MS;

/** What an answer of `oauth.v2.access` grants. https://docs.slack.dev/reference/methods/oauth.v2.access */
export const grantedBy = (body: JsonObject, now: Date): Installation | undefined => {
  const owner = objectIn(body, isTrue(body, "is_enterprise_install") ? "enterprise" : "team");
  const id = textIn(owner, "id");
  const token = textIn(body, "access_token");
  const refreshToken = textIn(body, "refresh_token");
  const { expires_in: seconds } = body;
  if (!isSlackId(id) || token === undefined) return undefined;
  return {
    id,
    token,
    botUserId: textIn(body, "bot_user_id") ?? "",
    ...(refreshToken !== undefined && { refreshToken }),
    ...(typeof seconds === "number" && { expiresAt: now.getTime() + seconds * 1000 }),
  };
};

const readInstallation = (id: string, kept: JsonObject | undefined): Installation | undefined => {
  const token = textIn(kept, "token");
  const refreshToken = textIn(kept, "refreshToken");
  const expiresAt = kept?.expiresAt;
  if (token === undefined) return undefined;
  return {
    id,
    token,
    botUserId: textIn(kept, "botUserId") ?? "",
    ...(refreshToken !== undefined && { refreshToken }),
    ...(typeof expiresAt === "number" && { expiresAt }),
  };
};
