import type { ApiOutcome } from "./api-outcome.ts";
import type { Pace } from "./pace.ts";
import { kindOfError } from "./send-outcome.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

/** Calls for what is said in one room: with its workspace's token, within its limits. */
export interface RoomCalls {
  /** Never throws. */
  call(
    place: Place,
    method: string,
    args: object,
    signal: AbortSignal,
    who?: string,
  ): Promise<ApiOutcome>;
}

interface Place {
  readonly teamId: string;
  readonly channelId: string;
}

export interface RoomCallsParts {
  readonly api: WebApi;
  readonly workspaces: Pick<Workspaces, "knownTokenOf" | "tokenFor" | "refused">;
  readonly pace: Pace;
}

const NOT_INSTALLED: ApiOutcome = { kind: "error", error: "app_not_installed", body: {} };
const NO_TOKEN: ApiOutcome = { kind: "unreachable", reason: "the workspace's token is away" };

export const createRoomCalls = ({ api, workspaces, pace }: RoomCallsParts): RoomCalls => {
  return {
    call: async ({ teamId, channelId }, method, args, signal, who = "") => {
      const room = `${teamId}/${channelId}`;
      const waitMs = pace.wait(room, method, who);
      if (waitMs > 0) return { kind: "limited", afterMs: waitMs };
      let token = workspaces.knownTokenOf(teamId);
      try {
        token ??= await workspaces.tokenFor(teamId);
      } catch {
        return NO_TOKEN;
      }
      if (token === undefined) return NOT_INSTALLED;
      let outcome = await api.call(token, method, args, signal);
      if (outcome.kind === "error" && kindOfError(outcome.error) === "token") {
        workspaces.refused(teamId, token, outcome.error);
        // Tokens rotate: this one may have done so just now.
        const fresh = await workspaces.tokenFor(teamId).catch(() => undefined);
        if (fresh !== undefined && fresh !== token) {
          outcome = await api.call(fresh, method, args, signal);
        }
      }
      if (outcome.kind === "limited") pace.limited(room, method, who, outcome.afterMs);
      return outcome;
    },
  };
};
