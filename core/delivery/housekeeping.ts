import { forgetExpiredState } from "../channel-state/channel-state.ts";
import type { Log } from "../contract/log.ts";
import type { ReviewQueue } from "../reviews/reviews.ts";
import type { Store } from "../store/store.ts";
import type { Inbox } from "./inbox.ts";
import { forgetDeadProcesses } from "./process-lease.ts";

/** What is done no platform delivers again after this time; until then it is recognised. */
export const REMEMBERED_MS = 7 * 24 * 60 * 60_000;
const EVERY_MS = 10 * 60_000;

/** Forgets, now and then, what is done and old enough, and ends reviews that wait too long. Returns how to stop. */
export const startHousekeeping = (parts: {
  readonly store: Store;
  readonly inbox: Pick<Inbox, "prune">;
  readonly reviews: Pick<ReviewQueue, "tidy">;
  readonly now: () => Date;
  readonly log: Log;
}): (() => void) => {
  const { store, inbox, reviews, now, log } = parts;
  const tidy = async (): Promise<void> => {
    const before = new Date(now().getTime() - REMEMBERED_MS);
    try {
      await forgetDeadProcesses(store, before);
      await forgetExpiredState(store, now());
      const removed = await inbox.prune(before);
      if (removed > 0) log.info({ removed }, "forgot finished messages");
      await reviews.tidy();
    } catch (cause) {
      log.warn({ err: cause }, "old messages and reviews not all tidied up; trying again later");
    }
  };
  const timer = setInterval(tidy, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
};
