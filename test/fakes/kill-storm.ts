import { setTimeout as delay } from "node:timers/promises";
import { type Question, question } from "./crowd.ts";
import type { Fleet } from "./fleet.ts";

/** What came of a storm. The lists hold the questions, for a person to look into. */
export interface StormResult {
  readonly kills: number;
  readonly questions: number;
  /** Acknowledged to the platform, so ours to answer. */
  readonly acknowledged: number;
  /** Acknowledged, or answered in part, and not wholly seen. */
  readonly lost: readonly string[];
  /** Seen more than once, or in a wrong order. */
  readonly twice: readonly string[];
  /**
   * Seen in a response and then sent, the response being in flight when its process was killed: WeCom
   * has no idempotency for these, and redeliveries that met nobody tell nothing.
   */
  readonly twiceInFlight: readonly string[];
  /** Answers that responses had in flight when a process was killed: so many may be seen twice. */
  readonly inFlight: number;
  /** Answered by an apology: so many processes died under them that they were given up. */
  readonly givenUp: readonly string[];
}

export interface StormOptions {
  readonly kills: number;
  /** In [0, 1): when the next kill comes, and where. */
  readonly random: () => number;
  /** Those of the fleet's processes that take callbacks; default the first. */
  readonly gateways?: readonly number[];
  readonly onKill?: (kills: number) => void;
}

/** What the store did not know yet when a process was killed. */
interface Kill {
  readonly at: number;
  readonly inResponses: ReadonlySet<string>;
}

// Whatever became of those before, so that every kill meets some.
const ASKED_EVERY_MS = 80;
// From when a process listens to its end.
const SHORTEST_LIFE_MS = 20;
const LONGEST_LIFE_MS = 2_000;
const SETTLED_MS = 90_000;
// A response that was seen longer ago was in flight no more: who has not written it down by then is
// too slow, even on a machine that is busy with other tests.
const IN_FLIGHT_MS = 500;

/** Kills processes of a fleet again and again while people keep asking, and looks at what they saw. */
export const killStorm = async (fleet: Fleet, options: StormOptions): Promise<StormResult> => {
  const { kills, random, gateways = [0], onKill } = options;
  const { cloud, processes } = fleet;
  const asked: Question[] = [];
  const acknowledged = new Set<Question>();
  const killed: Kill[] = [];
  let isOver = false;

  const keepAsking = async (): Promise<void> => {
    const deliveries: Promise<void>[] = [];
    while (!isOver) {
      // Two of three within the callback's response; everybody asks once, so nobody's limit matters.
      const pace = (["soon", "soon", "long"] as const)[asked.length % 3] ?? "soon";
      const next = question(`person${asked.length}`, "1", pace);
      const first = asked.length % gateways.length;
      asked.push(next);
      const to = [...gateways.slice(first), ...gateways.slice(0, first)];
      const delivery = fleet.ask([next], to).then((count) => {
        if (count === 1) acknowledged.add(next);
      });
      deliveries.push(delivery);
      await delay(ASKED_EVERY_MS);
    }
    await Promise.all(deliveries);
  };

  const killOne = async (): Promise<void> => {
    const victim = processes[Math.floor(random() * processes.length)];
    const at = Date.now();
    await victim?.stop("SIGKILL");
    killed.push({ at, inResponses: await fleet.inResponses() });
    onKill?.(killed.length);
    await victim?.start();
  };

  await fleet.start();
  const asking = keepAsking();
  while (killed.length < kills) {
    await delay(SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
    await killOne();
  }
  isOver = true;
  await asking;
  await fleet.quiet(undefined, SETTLED_MS);

  /** How long before a kill, in ms, a response was seen that was in flight then; negative: after it. */
  const inFlightFor = ({ user }: Question): number | undefined => {
    const response = cloud.seen(user).find(({ via }) => via === "passive");
    return killed
      .filter(({ inResponses }) => response && inResponses.has(user))
      .map(({ at }) => at - (response?.at ?? 0))
      .find((ms) => Math.abs(ms) <= IN_FLIGHT_MS);
  };
  const describe = (one: Question) => {
    const shown = cloud.seen(one.user).map(({ via, text }) => `${via} ${text.length}`);
    const ms = inFlightFor(one);
    return `${one.text}: ${shown}${ms === undefined ? "" : `; seen ${ms} ms before a kill`}`;
  };
  const listOf = (fate: Fate) => asked.filter((one) => fateOf(one) === fate).map(describe);
  const fateOf = (one: Question): Fate => {
    const shown = cloud.seen(one.user).map(({ text }) => text);
    const [first] = shown;
    if (shown.join("") === one.answer) return "answered once";
    if (shown.length === 1 && first?.includes("[INTERNAL]")) return "given up";
    if (first === undefined) return acknowledged.has(one) ? "lost" : "never taken";
    if (shown.join("").length < one.answer.length) return "lost";
    const ways = cloud.seen(one.user).map(({ via }) => via);
    const isSentToo = ways.join() === "passive,send" && shown.every((text) => text === one.answer);
    return isSentToo && inFlightFor(one) !== undefined ? "twice in flight" : "twice";
  };
  return {
    kills,
    questions: asked.length,
    acknowledged: acknowledged.size,
    lost: listOf("lost"),
    twice: listOf("twice"),
    twiceInFlight: listOf("twice in flight"),
    inFlight: asked.filter((one) => inFlightFor(one) !== undefined).length,
    givenUp: listOf("given up"),
  };
};

type Fate = "answered once" | "given up" | "lost" | "never taken" | "twice" | "twice in flight";
