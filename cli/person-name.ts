import { parsePerson } from "../config/person.ts";
import type { Person } from "../core/memory/person.ts";

/** How a person is written in options and queries. */
export const PERSON_FORM =
  "channel:workspace:user with channel wechat_work, slack or discord, e.g. wechat_work:wwcorp:zhangsan";

/** How somebody is written of whom something is stored. */
export const STORED_PERSON_FORM = `${PERSON_FORM}, or discord::user for what they wrote in a direct chat`;

/** Reads `STORED_PERSON_FORM`: a direct chat of Discord lies in no guild. Undefined when it is something else. */
export const parseStoredPerson = (text: string): Person | undefined => {
  const [, senderId] = /^discord::([^\p{Cc}\p{Cs}]+)$/u.exec(text) ?? [];
  return senderId === undefined
    ? parsePerson(text)
    : { channel: "discord", workspaceId: "", senderId };
};

/** How a person is written there. */
export const personName = ({ channel, workspaceId, senderId }: Person): string =>
  `${channel}:${workspaceId}:${senderId}`;
