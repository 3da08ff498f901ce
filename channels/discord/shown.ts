import type { ChannelState } from "../../core/contract/channel-state.ts";
import { isAfter } from "./payload.ts";

/** Which messages an answer has become so far. */
export interface Shown {
  /** What its beginning was posted with before the answer was whole; absent where nothing was shown. */
  readonly unfinishedNonce?: string;
  /** Its first message; absent while that may or may not have been posted. */
  readonly messageId?: string;
  /** The part that has claimed it: what is unfinished must not replace it any more. */
  readonly partId?: string;
  /** The last message of it that is known to have arrived. */
  readonly last?: string;
}

/** Remembers, over processes and crashes, what was shown of answers. */
export interface ShownMessages {
  /** Before something unfinished is shown. Undefined when the answer is there already. */
  begin(question: Question, nonce: string): Promise<Shown | undefined>;
  /** The unfinished message was posted. False when the answer has claimed its place meanwhile. */
  posted(question: Question, messageId: string): Promise<boolean>;
  /** For an answer's first part. Another answer to the same question has shown nothing yet. */
  claim(question: Question, partId: string): Promise<Shown>;
  /** What is known of the answers to a question. */
  find(question: Question): Promise<Shown | undefined>;
  /** The first message of the answer that `partId` begins was found. */
  found(question: Question, partId: string, messageId: string): Promise<void>;
  /** A part arrived, and another comes after it. */
  passed(question: Question, messageId: string): Promise<void>;
}

export interface Question {
  readonly channelId: string;
  readonly replyTo: string;
}

// As long as a reply is tried to be sent, and a little.
const REMEMBERED_MS = 25 * 60 * 60_000;
const COLLISIONS = 5;

export const createShownMessages = (state: ChannelState): ShownMessages => {
  const read = async (question: Question) => {
    const found = await state.get(keyOf(question));
    return found && { version: found.version, shown: JSON.parse(found.value) as Shown };
  };

  /** Puts what `next` makes of what is there; undefined leaves it. Returns what is there then. */
  const change = async (
    question: Question,
    next: (before: Shown | undefined) => Shown | undefined,
  ): Promise<Shown | undefined> => {
    for (let attempt = 1; attempt <= COLLISIONS; attempt++) {
      const before = await read(question);
      const after = next(before?.shown);
      if (!after) return before?.shown;
      const value = JSON.stringify(after);
      const isOurs = before
        ? await state.replace(keyOf(question), before.version, value, REMEMBERED_MS)
        : await state.putIfAbsent(keyOf(question), value, REMEMBERED_MS);
      if (isOurs) return after;
    }
    throw new Error("others change all the time what is known of an answer");
  };

  return {
    begin: async (question, unfinishedNonce) => {
      const shown = await change(question, (before) => (before ? undefined : { unfinishedNonce }));
      return shown?.partId === undefined ? shown : undefined;
    },
    posted: async (question, messageId) => {
      const shown = await change(question, (before) => {
        // Whoever has claimed it wants to know as well.
        return before?.unfinishedNonce !== undefined && before.messageId === undefined
          ? { ...before, messageId }
          : undefined;
      });
      return shown !== undefined && shown.partId === undefined;
    },
    claim: async (question, partId) => {
      const shown = await change(question, (before) =>
        before?.partId === undefined ? { ...before, partId } : undefined,
      );
      return shown?.partId === partId ? shown : {};
    },
    find: async (question) => (await read(question))?.shown,
    found: async (question, partId, messageId) => {
      await change(question, (before) =>
        before?.partId === partId ? { ...before, messageId } : undefined,
      );
    },
    passed: async (question, last) => {
      await change(question, (before) =>
        before?.last !== undefined && !isAfter(last, before.last) ? undefined : { ...before, last },
      );
    },
  };
};

const keyOf = ({ channelId, replyTo }: Question): string => `answer/${channelId}/${replyTo}`;
