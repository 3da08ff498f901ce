import { setTimeout as delay } from "node:timers/promises";

/** What members were shown. */
export interface SentMessages {
  add(userId: string, text: string, isText: boolean): void;
  /**
   * The texts sent to one user that belong together: until the gateway has been quiet for as long
   * as it could be between two of them. Undefined when the first did not come before the deadline.
   */
  collect(userId: string, deadline: AbortSignal): Promise<Collected | undefined>;
}

/** One thing that a member was shown. */
interface Sent {
  readonly userId: string;
  readonly text: string;
  readonly isText: boolean;
  readonly at: number;
}

interface Collected {
  readonly parts: readonly string[];
  /** Rather than in a card or a file, after which more may come. */
  readonly endsInText: boolean;
  /** By `performance.now()`. */
  readonly lastAt: number;
}

// Parts bear no marks, so the end of an answer can only be told from silence. The splitter fills a
// part at least by half, and cuts in a text with spaces after one unless the part is full: what is
// shorter, or ends in a word, is all but surely the last.
const HALF_PART_BYTES = 1024;
const FULL_PART_BYTES = 2040;
const IN_WORD = /[\p{sc=Latin}\p{N}.!?:)\]`*_]$/u;
const QUIET_AFTER_LAST_MS = 400;
const QUIET_MS = 1_500;
// One person gets 30 messages a minute, earlier ones included: then the gateway waits that long.
const PACED_FROM_PARTS = 5;
const QUIET_WHEN_PACED_MS = 65_000;
const LOOK_EVERY_MS = 25;

/** None yet. @param notice told why a wait takes long */
export const createSentMessages = (notice: (line: string) => void): SentMessages => {
  const sent: Sent[] = [];

  const take = (userId: string): Collected | undefined => {
    const own = sent.filter((entry) => entry.userId === userId);
    const last = own.at(-1);
    if (!last) return undefined;
    // Parts of a text join without a seam; everything else begins a line of its own.
    const parts = own.map(({ text, isText }, place) =>
      place === 0 || (isText && own[place - 1]?.isText) ? text : `\n${text}`,
    );
    return { parts, endsInText: last.isText, lastAt: last.at };
  };

  return {
    add: (userId, text, isText) => void sent.push({ userId, text, isText, at: performance.now() }),

    collect: async (userId, until) => {
      let isNoticed = false;
      for (;;) {
        const collected = take(userId);
        if (collected) {
          const quietForMs = performance.now() - collected.lastAt;
          if (quietForMs >= quietMs(collected)) return collected;
          if (quietForMs >= QUIET_MS && !isNoticed) {
            isNoticed = true;
            notice(
              `${collected.parts.length} parts so far. One person gets 30 messages a minute, so ` +
                `more may come: waiting up to ${QUIET_WHEN_PACED_MS / 1000} s for the next`,
            );
          }
        } else if (until.aborted) {
          return undefined;
        }
        await delay(LOOK_EVERY_MS);
      }
    },
  };
};

const quietMs = ({ parts, endsInText }: Collected): number => {
  if (!endsInText) return QUIET_MS;
  const last = parts.at(-1) ?? "";
  const size = Buffer.byteLength(last);
  if (size < HALF_PART_BYTES || (size < FULL_PART_BYTES && IN_WORD.test(last))) {
    return QUIET_AFTER_LAST_MS;
  }
  return parts.length < PACED_FROM_PARTS ? QUIET_MS : QUIET_WHEN_PACED_MS;
};
