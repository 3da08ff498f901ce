import type { Person } from "../core/memory/person.ts";

/** How a person is written in options and queries. */
export const PERSON_FORM =
  "channel:workspace:user with channel wechat_work, slack or discord, e.g. wechat_work:wwcorp:zhangsan";

/** A person as they are written there. */
export const personName = ({ channel, workspaceId, senderId }: Person): string =>
  `${channel}:${workspaceId}:${senderId}`;
