import { setTimeout as delay } from "node:timers/promises";
import { type Question, question } from "./crowd.ts";
import type { Fleet } from "./fleet.ts";

/** What came of a storm. Lost and twice hold the questions, for a person to look into. */
export interface StormResult {
  readonly kills: number;
  readonly questions: number;
  /** Acknowledged to the platform, so ours to answer. */
  readonly acknowledged: number;
  /** Acknowledged and not wholly seen. */
  readonly lost: readonly string[];
  /** Seen more than once, or in a wrong order. */
  readonly twice: readonly string[];
  /** Answered by an apology: so many processes died under them that they were given up. */
  readonly givenUp: readonly string[];
}

export interface StormOptions {
  readonly kills: number;
  /** In [0, 1): when the next kill comes. */
  readonly random: () => number;
  readonly onKill?: (kills: number) => void;
}

// Whatever became of those before, so that every kill meets some.
const ASKED_EVERY_MS = 80;
// From when a process listens to its end.
const SHORTEST_LIFE_MS = 20;
const LONGEST_LIFE_MS = 2_000;
const SETTLED_MS = 90_000;

/** Kills the one process of a fleet again and again while people keep asking, and looks at what they saw. */
export const killStorm = async (fleet: Fleet, options: StormOptions): Promise<StormResult> => {
  const { kills, random, onKill } = options;
  const [process] = fleet.processes;
  if (!process) throw new Error("the fleet has no process");
  const asked: Question[] = [];
  const acknowledged = new Set<Question>();
  let isOver = false;

  const keepAsking = async (): Promise<void> => {
    const deliveries: Promise<void>[] = [];
    while (!isOver) {
      // Two of three within the callback's response; everybody asks once, so nobody's limit matters.
      const pace = (["soon", "soon", "long"] as const)[asked.length % 3] ?? "soon";
      const next = question(`person${asked.length}`, "1", pace);
      asked.push(next);
      const delivery = fleet.ask([next]).then((count) => {
        if (count === 1) acknowledged.add(next);
      });
      deliveries.push(delivery);
      await delay(ASKED_EVERY_MS);
    }
    await Promise.all(deliveries);
  };

  await fleet.start();
  const asking = keepAsking();
  for (let killed = 1; killed <= kills; killed++) {
    await delay(SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
    await process.stop("SIGKILL");
    onKill?.(killed);
    await fleet.start();
  }
  isOver = true;
  await asking;
  await fleet.quiet(undefined, SETTLED_MS);

  const seen = (one: Question) => fleet.seen(one.user);
  const wrong = asked.filter((one) => seen(one) !== one.answer);
  const givenUp = wrong.filter((one) => seen(one).includes("[INTERNAL]"));
  const lost = wrong.filter((one) => acknowledged.has(one) && isIncomplete(seen(one), one.answer));
  const others = wrong.filter((one) => !givenUp.includes(one) && !lost.includes(one));
  const describe = (one: Question) =>
    `${one.text}: ${fleet.cloud.seen(one.user).map(({ via, text }) => `${via} ${text.length}`)}`;
  return {
    kills,
    questions: asked.length,
    acknowledged: acknowledged.size,
    lost: lost.filter((one) => !givenUp.includes(one)).map(describe),
    twice: others.filter((one) => seen(one) !== "").map(describe),
    givenUp: givenUp.map(describe),
  };
};

/** Something of the answer never came. */
const isIncomplete = (seen: string, answer: string): boolean =>
  seen.length < answer.length && answer.startsWith(seen);
