import type { BoundGroups } from "../config/bound-groups.ts";
import type { ChannelAdapter, Directory, Identity } from "./contract/channel.ts";
import type { InboundMessage } from "./contract/message.ts";

/** Learns who wrote a message where the settings depend on it and the message does not say. */
export interface Identify {
  /** False: nobody's tenant may be told before the sender is identified. */
  isSettled(message: InboundMessage): boolean;
  /** The message with what is remembered of its sender; quick, so that it fits before it is stored. */
  remember(message: InboundMessage): InboundMessage | Promise<InboundMessage>;
  /** The message with what the platform says of its sender; unchanged when it cannot be asked. */
  ask(message: InboundMessage): InboundMessage | Promise<InboundMessage>;
}

const LONGEST_MS = 10_000;

export const createIdentify = (parts: {
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly asksForDepartments: (channel: string, workspaceId: string) => boolean;
  readonly boundGroups: BoundGroups;
}): Identify => {
  const directoryFor = ({ channel, workspaceId, sender }: InboundMessage) =>
    sender.identity !== undefined ||
    sender.isBot ||
    (workspaceId !== "" && !parts.asksForDepartments(channel, workspaceId))
      ? undefined
      : parts.adapters.get(channel)?.directory;
  // Needed for something else than the tenant: it is asked for when the turn begins.
  const directoryAtTurn = (message: InboundMessage) => {
    const needed = parts.adapters.get(message.channel)?.directory;
    return directoryFor(message) ?? (needed?.isNeeded?.(message) ? needed : undefined);
  };
  /** Whoever was in a group when a message was held may have left it since: it is asked each time. */
  const withGroups = async (
    message: InboundMessage,
    signal: () => AbortSignal,
  ): Promise<InboundMessage> => {
    const { channel, workspaceId, sender } = message;
    const bound = parts.boundGroups(channel, workspaceId);
    const directory = parts.adapters.get(channel)?.directory;
    if (bound.length === 0 || sender.isBot || !directory?.groupsOf) {
      return sender.groups ? { ...message, sender: { ...sender, groups: [] } } : message;
    }
    const groups = await directory.groupsOf(message, bound, signal());
    return { ...message, sender: { ...sender, groups } };
  };
  const askAll = async (
    message: InboundMessage,
    directory: Directory | undefined,
  ): Promise<InboundMessage> => {
    // A timer lives on for seconds: none where nothing is asked after all.
    let limit: AbortSignal | undefined;
    const signal = () => {
      limit ??= AbortSignal.timeout(LONGEST_MS);
      return limit;
    };
    const identity = await directory?.lookUp(message, signal());
    return await withGroups(withIdentity(message, identity), signal);
  };
  return {
    isSettled: (message) => directoryFor(message) === undefined,
    remember: (message) => {
      const directory = directoryFor(message);
      return directory ? rememberedBy(directory, message) : message;
    },
    ask: (message) => {
      const { channel, workspaceId, content, sender } = message;
      // Who is told is named by the settings, and nothing depends on who they are.
      if (content.kind === "notice") return message;
      // Most messages say all that is needed.
      const directory = directoryAtTurn(message);
      const mayBeInGroups = sender.groups || parts.boundGroups(channel, workspaceId).length > 0;
      return directory || mayBeInGroups ? askAll(message, directory) : message;
    },
  };
};

const rememberedBy = async (
  directory: Directory,
  message: InboundMessage,
): Promise<InboundMessage> => withIdentity(message, await directory.known(message));

const withIdentity = (message: InboundMessage, identity: Identity | undefined): InboundMessage => {
  if (!identity) return message;
  const { isActive, displayName, departments, memberships, isExternal, isBot } = identity;
  return {
    ...message,
    sender: {
      ...message.sender,
      displayName: displayName || message.sender.displayName,
      departments,
      identity: isActive ? "known" : "refused",
      ...(isExternal !== undefined && { isExternal }),
      ...(isBot !== undefined && { isBot }),
      ...(memberships && { memberships }),
    },
  };
};
