import type { ChannelState } from "../../core/contract/channel-state.ts";
import { readObject, textIn } from "./json.ts";
import type { SlackTarget } from "./target.ts";
import { isTs } from "./types.ts";

/** What is remembered of a message that an answer grows in. */
export interface OpenAnswer {
  /** When it was begun, epoch milliseconds. */
  readonly at: number;
  /** Absent until Slack has said it: then it may be there or not. */
  readonly ts?: string;
  readonly isStream?: boolean;
  /** When another process said that it is about to become the answer: it must grow no more. */
  readonly takenAt?: number;
  /** The part of the answer that it has become. */
  readonly part?: string;
}

/** The messages that answers grow in, for all processes and after a restart. */
export interface OpenAnswers {
  get(target: SlackTarget): Promise<OpenAnswer | undefined>;
  /** True where it is known without asking that none is remembered at this address. */
  hasNone(key: string): boolean;
  /** False where one is remembered already. */
  begin(target: SlackTarget, answer: OpenAnswer): Promise<boolean>;
  put(target: SlackTarget, answer: OpenAnswer): Promise<void>;
  forget(target: SlackTarget): Promise<void>;
}

const PREFIX = "growing/";
/** As long as the answer may still be tried to be sent. */
const OPEN_FOR_MS = 25 * 60 * 60_000;
const DONE_FOR_MS = 60 * 60_000;

/** The address of an answer that may grow. */
export const keyOf = ({ teamId, channelId, replyTo }: SlackTarget): string =>
  `${PREFIX}${teamId}/${channelId}/${replyTo}`;

/**
 * @param isAlone no other process adds to it: what was not begun is not looked for, which a message
 *   that is answered at once would pay for
 */
export const createOpenAnswers = (state: ChannelState, isAlone: boolean): OpenAnswers => {
  // Keys that may be in the state; undefined until they were asked for.
  let known: Set<string> | undefined;

  const keys = async (): Promise<Set<string>> => {
    if (known) return known;
    const found = await state.keys(PREFIX);
    // Who asked at the same time may have added to theirs meanwhile.
    known ??= new Set(found);
    return known;
  };

  return {
    hasNone: (key) => isAlone && known?.has(key) === false,
    get: async (target) => {
      const key = keyOf(target);
      if (isAlone && !(await keys()).has(key)) return undefined;
      const found = await state.get(key);
      if (!found && isAlone) (await keys()).delete(key);
      return found && read(found.value);
    },
    begin: async (target, answer) => {
      if (isAlone) (await keys()).add(keyOf(target));
      return state.putIfAbsent(keyOf(target), JSON.stringify(answer), OPEN_FOR_MS);
    },
    put: async (target, answer) => {
      const isOpen = answer.part === undefined;
      if (isAlone) (await keys()).add(keyOf(target));
      const ttlMs = isOpen ? OPEN_FOR_MS : DONE_FOR_MS;
      await state.put(keyOf(target), JSON.stringify(answer), ttlMs);
      // It has arrived: only a process that does not know that, the next one, may want it.
      if (isAlone && !isOpen) (await keys()).delete(keyOf(target));
    },
    forget: async (target) => {
      if (isAlone) (await keys()).delete(keyOf(target));
      await state.forget(keyOf(target));
    },
  };
};

const read = (value: string): OpenAnswer | undefined => {
  const answer = readObject(value);
  if (typeof answer?.at !== "number") return undefined;
  const ts = textIn(answer, "ts");
  const part = textIn(answer, "part");
  return {
    at: answer.at,
    ...(isTs(ts) && { ts }),
    ...(answer.isStream === true && { isStream: true }),
    ...(typeof answer.takenAt === "number" && { takenAt: answer.takenAt }),
    ...(part !== undefined && { part }),
  };
};
