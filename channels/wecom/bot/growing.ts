import type { Log } from "../../../core/contract/log.ts";
import { CHANNEL } from "../types.ts";
import { isOver } from "./polls.ts";
import { headOf } from "./render.ts";
import type { Streams } from "./streams.ts";

/** Writes what there is of answers into their streams, each at most once a second. */
export interface Growing {
  /** Replaces what was shown. Never throws. */
  show(streamId: string, markdown: string): void;
  stop(): void;
}

// The platform asks about once a second.
const EVERY_MS = 1_000;

export const createGrowing = (streams: Streams, now: () => Date, log: Log): Growing => {
  // By stream: what is to be written when its second is over; undefined while there is nothing.
  const latest = new Map<string, string | undefined>();
  const timers = new Set<NodeJS.Timeout>();

  const write = (id: string, markdown: string): void => {
    const content = headOf(markdown);
    streams
      .change(id, (stream) =>
        // What has ended grows no more.
        stream.end || isOver(stream, now()) || stream.content === content
          ? undefined
          : { ...stream, content },
      )
      .catch((err) => log.warn({ channel: CHANNEL, err }, "growing answer not written"));
    latest.set(id, undefined);
    const timer = setTimeout(() => {
      timers.delete(timer);
      const next = latest.get(id);
      if (next === undefined) latest.delete(id);
      else write(id, next);
    }, EVERY_MS);
    timer.unref();
    timers.add(timer);
  };

  return {
    show: (id, markdown) => {
      if (latest.has(id)) latest.set(id, markdown);
      else write(id, markdown);
    },
    stop: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      latest.clear();
    },
  };
};
