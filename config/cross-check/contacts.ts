import { type Draft, itemsOf } from "../draft.ts";
import { parsePerson } from "../person.ts";
import type { SettingsPath } from "../problem.ts";
import type { Report } from "../report.ts";

/** Contacts whom nothing can be sent to are no mistake, but somebody should know. */
export const checkContacts = (
  draft: Draft,
  contacts: readonly (string | undefined)[] | undefined,
  path: SettingsPath,
  report: Report,
): void => {
  for (const [index, contact] of itemsOf(contacts)) {
    const why = whyUnreachable(draft, contact);
    if (why !== undefined)
      report.warn([...path, index], `nothing can be sent to this contact: ${why}`);
  }
};

const whyUnreachable = ({ channels }: Draft, contact: string): string | undefined => {
  const person = parsePerson(contact);
  if (!person) {
    return "it is no person in a chat tool, as channel:workspace:user, and mail is not sent yet; it is named in log and audit";
  }
  const { channel, workspaceId } = person;
  const { wechat_work: wecom, slack, discord } = channels ?? {};
  const block = { wechat_work: wecom, slack, discord }[channel];
  if (block === undefined || block.enabled === false)
    return `channel ${channel} is not switched on`;
  if (channel === "wechat_work") {
    const corps = [wecom?.corp_id, ...itemsOf(wecom?.apps).map(([, app]) => app.corp_id)];
    return corps.includes(workspaceId)
      ? undefined
      : "no app under channels.wechat_work has this corp_id, and bots only answer";
  }
  if (channel === "slack") {
    const teams = itemsOf(slack?.workspaces).map(([, { team_id }]) => team_id);
    const isCovered = slack?.bot_token !== undefined || slack?.client_id !== undefined;
    return isCovered || teams.includes(workspaceId)
      ? undefined
      : "channels.slack has no bot_token for this workspace";
  }
  return discord?.bot_token === undefined ? "channels.discord has no bot_token" : undefined;
};
