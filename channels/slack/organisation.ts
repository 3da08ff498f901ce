import { isTrue, type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";
import { isSlackId } from "./types.ts";

/** A workspace, and the organisation whose installation brought us what happens in it. */
export interface Organisation {
  readonly teamId: string;
  readonly enterpriseId: string;
}

/**
 * What an event, a command or an interaction says of it; undefined where the app is installed for
 * the workspace alone.
 * @see https://docs.slack.dev/enterprise/developing-for-enterprise-orgs
 */
export const organisationIn = (body: JsonObject): Organisation | undefined => {
  const [authorization = body] = objectsIn(body, "authorizations");
  if (!isTrue(authorization, "is_enterprise_install")) return undefined;
  const enterpriseId =
    textIn(authorization, "enterprise_id") ??
    textIn(body, "enterprise_id") ??
    textIn(objectIn(body, "enterprise"), "id");
  const teamId =
    textIn(authorization, "team_id") ??
    textIn(body, "context_team_id") ??
    textIn(body, "team_id") ??
    textIn(objectIn(body, "team"), "id") ??
    textIn(objectIn(body, "user"), "team_id");
  return isSlackId(enterpriseId) && isSlackId(teamId) ? { teamId, enterpriseId } : undefined;
};
