import type { Person } from "../core/memory/person.ts";

/** How a person is written in options and queries. */
export const PERSON_FORM =
  "channel:workspace:user with channel wechat_work, slack or discord, e.g. wechat_work:wwcorp:zhangsan";

/** Reads `channel:workspace:user`; undefined when it is something else. */
export const parsePerson = (text: string): Person | undefined => {
  const found = /^(wechat_work|slack|discord):([^:]+):(.+)$/su.exec(text);
  if (!found) return undefined;
  const [, channel = "", workspaceId = "", senderId = ""] = found;
  return { channel, workspaceId, senderId };
};

/** The same the other way round. */
export const personName = ({ channel, workspaceId, senderId }: Person): string =>
  `${channel}:${workspaceId}:${senderId}`;
