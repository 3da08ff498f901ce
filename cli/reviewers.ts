import { parsePerson } from "../config/person.ts";
import { createRoleIndex } from "../config/roles.ts";
import type { Settings } from "../config/schema.ts";
import { ACTIONS, type Lexicon } from "../core/safety/moderation/lexicon.ts";

/**
 * What an operator should know: tenants whose messages or answers can be held although nobody in
 * them may review. They are held all the same.
 * @param lexicons by name
 */
export const reviewerWarnings = (
  settings: Settings,
  lexicons: ReadonlyMap<string, Lexicon>,
): readonly string[] => {
  const hasReviewers = createReviewerCheck(settings);
  const holding = new Set(
    [...lexicons].flatMap(([name, { actions }]) =>
      actions.includes(ACTIONS.indexOf("review")) ? [name] : [],
    ),
  );
  const anyClassifier = (settings.moderation?.classifiers ?? []).length > 0;
  return settings.multi_tenant.tenants.flatMap((tenant) => {
    const canHold = anyClassifier || (tenant.lexicons ?? []).some((name) => holding.has(name));
    if (!canHold || hasReviewers(tenant)) return [];
    return [
      `tenant ${tenant.id} can hold messages for a review, and nobody's role there has content:review: ` +
        "they wait for the command line or the API (docs/reviews.md)",
    ];
  });
};

type TenantSettings = Settings["multi_tenant"]["tenants"][number];

/** Whether a tenant can have reviewers; of a department nobody can tell here whose it is. */
const createReviewerCheck = (settings: Settings): ((tenant: TenantSettings) => boolean) => {
  const roles = createRoleIndex(settings);
  const mayReview = (senderId: string, channel = "", workspaceId = "", department?: string) =>
    roles
      .permissionsOf({
        channel,
        workspaceId,
        senderId,
        departments: department === undefined ? [] : [department],
      })
      .has("content:review");
  const bindings = settings.enterprise.rbac?.role_bindings ?? [];
  const isAnywhere =
    mayReview("") ||
    bindings.some(({ departments = [] }) =>
      departments.some((each) => mayReview("", "", "", each)),
    );
  const groupMayReview = (written: string): boolean => {
    const { channel = "", workspaceId = "", senderId: id = "" } = parsePerson(written) ?? {};
    return roles
      .permissionsOf({
        channel,
        workspaceId,
        senderId: "",
        departments: [],
        groups: [{ workspaceId, id }],
      })
      .has("content:review");
  };
  const workspaces = new Set(
    bindings.flatMap(({ users = [], departments = [], groups = [] }) => [
      ...users.flatMap((user) => {
        const [channel = "", workspace = "", ...sender] = user.split(":");
        return mayReview(sender.join(":"), channel, workspace) ? [`${channel}:${workspace}`] : [];
      }),
      ...departments.flatMap((department) => {
        const { channel, workspaceId, senderId: id } = parsePerson(department) ?? {};
        return mayReview("", channel, workspaceId, id) ? [`${channel}:${workspaceId}`] : [];
      }),
      ...groups.flatMap((group) => {
        const { channel, workspaceId } = parsePerson(group) ?? {};
        return groupMayReview(group) ? [`${channel}:${workspaceId}`] : [];
      }),
    ]),
  );
  return (tenant) =>
    isAnywhere ||
    tenant.bindings.some(({ channel, workspace }) => workspaces.has(`${channel}:${workspace}`));
};
