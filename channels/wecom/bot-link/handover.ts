import type { OutboundPart, Reconciliation, SendOutcome } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import { pause } from "../../pause.ts";
import { CHANNEL } from "../types.ts";

/** What one replica asks of the one that holds the link. */
export type Errand =
  | { readonly kind: "send"; readonly part: OutboundPart }
  /** There is no answer: what was shown of it ends. */
  | { readonly kind: "silence"; readonly target: ReplyTarget };

/** Errands between replicas, left in the store; each is run at most once. */
export interface Handover {
  /** Has the owner send a part. Rejects only where the store does. */
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
  /** What is known of earlier tries. */
  reconcile(part: OutboundPart): Promise<Reconciliation>;
  /** Leaves word that there is no answer; nobody waits for it. */
  silence(target: ReplyTarget): Promise<void>;
  /** Runs what others have left, for as long as `isOwner`. */
  serve(run: (errand: Errand) => Promise<SendOutcome>, isOwner: () => boolean): void;
  stop(): Promise<void>;
}

export interface HandoverOptions {
  readonly botId: string;
  readonly state: ChannelState;
  readonly now: () => Date;
  readonly log: Log;
}

/** As it is stored: left by one replica, then taken by the owner or taken back. */
type Left =
  | { readonly step: "waiting"; readonly errand: Errand }
  | { readonly step: "taken"; readonly at: number }
  | { readonly step: "withdrawn" };

const LOOK_MS = 400;
/** How long an owner may take to begin: a takeover of the link takes longer, and then it is tried again. */
const BEGIN_MS = 10_000;
/** How long one that has begun may take: uploads are the longest. */
const FINISH_MS = 90_000;
const AGAIN_MS = 2_000;
const KEPT_MS = 10 * 60_000;

export const createHandover = ({ botId, state, now, log }: HandoverOptions): Handover => {
  const left = `bot-link/${botId}/errand/`;
  const done = `bot-link/${botId}/outcome/`;
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  let owns = (): boolean => false;
  let serving: Promise<void> = Promise.resolve();

  const outcomeAt = async (name: string): Promise<SendOutcome | undefined> => {
    const found = await state.get(`${done}${name}`);
    return found && (JSON.parse(found.value) as SendOutcome);
  };
  const leftAt = async (name: string) => {
    const found = await state.get(`${left}${name}`);
    return found && { version: found.version, left: JSON.parse(found.value) as Left };
  };

  /** Whoever took it holds the link no more: we do, and are not at it. */
  const isAbandoned = (name: string, { step }: Left): boolean =>
    step === "taken" && owns() && !running.has(name);

  /** Undefined once somebody has begun it: then it cannot be taken back. */
  const takeBack = async (name: string): Promise<SendOutcome | undefined> => {
    const found = await leftAt(name);
    if (found?.left.step !== "waiting") return undefined;
    const withdrawn = JSON.stringify({ step: "withdrawn" } satisfies Left);
    if (!(await state.replace(`${left}${name}`, found.version, withdrawn, 1))) return undefined;
    return retry("the replica that holds the link does not take it");
  };

  const runOne = async (
    name: string,
    run: (errand: Errand) => Promise<SendOutcome>,
  ): Promise<void> => {
    const found = await leftAt(name);
    if (found?.left.step !== "waiting") return;
    const taken = JSON.stringify({ step: "taken", at: now().getTime() } satisfies Left);
    if (!(await state.replace(`${left}${name}`, found.version, taken, KEPT_MS))) return;
    const outcome = await run(found.left.errand);
    await state.put(`${done}${name}`, JSON.stringify(outcome), KEPT_MS);
    await state.forget(`${left}${name}`);
  };

  return {
    send: async (part, signal) => {
      // Every try has a name of its own: an outcome is never taken for that of another try.
      const name = nameOf(part.id, part.attempt);
      const waiting = JSON.stringify({
        step: "waiting",
        errand: { kind: "send", part },
      } satisfies Left);
      const leftAtMs = now().getTime();
      if (!(await state.putIfAbsent(`${left}${name}`, waiting, KEPT_MS))) {
        return { kind: "unknown", reason: "handed over already" };
      }
      for (;;) {
        const outcome = await outcomeAt(name);
        if (outcome) return outcome;
        const found = owns() ? await leftAt(name) : undefined;
        if (found && isAbandoned(name, found.left)) {
          return { kind: "unknown", reason: "the replica that took it is gone" };
        }
        const waitedMs = now().getTime() - leftAtMs;
        if (signal.aborted || waitedMs >= BEGIN_MS) {
          const back = await takeBack(name);
          if (back) return back;
          if (signal.aborted || waitedMs >= FINISH_MS) {
            // It may have ended just now.
            return (
              (await outcomeAt(name)) ?? { kind: "unknown", reason: "handed over, no outcome" }
            );
          }
        }
        await pause(LOOK_MS, signal);
      }
    },

    reconcile: async (part) => {
      const prefix = nameOf(part.id, "");
      for (const key of await state.keys(`${done}${prefix}`)) {
        const outcome = await outcomeAt(key.slice(done.length));
        if (outcome?.kind === "delivered") return outcome;
      }
      for (const key of await state.keys(`${left}${prefix}`)) {
        const name = key.slice(left.length);
        const found = await leftAt(name);
        if (found?.left.step !== "taken" || isAbandoned(name, found.left)) continue;
        const ageMs = now().getTime() - found.left.at;
        if (ageMs < FINISH_MS) {
          return { kind: "retry", afterMs: AGAIN_MS, reason: "another replica is at it" };
        }
      }
      return { kind: "send" };
    },

    silence: async (target) => {
      const waiting: Left = { step: "waiting", errand: { kind: "silence", target } };
      await state.put(`${left}silence/${target.replyTo}`, JSON.stringify(waiting), KEPT_MS);
    },

    serve: (run, isOwner) => {
      owns = isOwner;
      const look = async (): Promise<void> => {
        for (const key of await state.keys(left)) {
          const name = key.slice(left.length);
          if (running.has(name) || !isOwner()) continue;
          const work = runOne(name, run)
            .catch((err: unknown) =>
              log.error({ channel: CHANNEL, botId, err }, "outcome of an errand not recorded"),
            )
            .finally(() => running.delete(name));
          running.set(name, work);
        }
      };
      const loop = async (): Promise<void> => {
        while (!stopping.signal.aborted) {
          if (isOwner()) {
            await look().catch((err: unknown) =>
              log.warn({ channel: CHANNEL, botId, err }, "errands not looked for; trying again"),
            );
          }
          await pause(LOOK_MS, stopping.signal);
        }
      };
      serving = loop();
    },

    stop: async () => {
      stopping.abort();
      await serving;
      await Promise.all(running.values());
    },
  };
};

const nameOf = (partId: string, attempt: number | ""): string => `part/${partId}/${attempt}`;

const retry = (reason: string): SendOutcome => ({ kind: "retry", afterMs: AGAIN_MS, reason });
