/** Somebody on a platform as settings, options and queries name them. */
interface NamedPerson {
  /** The channel's key under `channels` in the settings. */
  readonly channel: string;
  readonly workspaceId: string;
  readonly senderId: string;
}

/** Reads `channel:workspace:user`, without control characters; undefined when it is something else. */
export const parsePerson = (text: string): NamedPerson | undefined => {
  const found = /^(wechat_work|slack|discord):([^:\p{Cc}\p{Cs}]+):([^\p{Cc}\p{Cs}]+)$/u.exec(text);
  if (!found) return undefined;
  const [, channel = "", workspaceId = "", senderId = ""] = found;
  return { channel, workspaceId, senderId };
};
