import type { Log } from "../contract/log.ts";
import type { Inbox, InboxEntry } from "./inbox.ts";
import type { Lane } from "./schedule.ts";
import type { Said, Withdrawn } from "./withdrawal.ts";

/** Why a turn's signal is aborted when somebody in its conversation asked for it, or took the question back. */
export class TurnStoppedError extends Error {
  override readonly name = "TurnStoppedError";
}

/** The turns that run in this process, so that somebody can end one. */
export interface RunningTurns {
  /** Runs a turn under a signal that is aborted by `stop`, by another process's, or at shutdown. */
  run<T>(entry: InboxEntry, turn: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Ends the running turn of a tenant's conversation, wherever it runs; false when none does. */
  stop(conversation: Lane): Promise<boolean>;
  /**
   * Ends the turns of what a person has taken back in a tenant's conversation, wherever they run, and
   * before they begin.
   */
  withdraw(conversation: Lane, said: Said): Promise<Withdrawn>;
}

export interface RunningTurnsOptions {
  readonly inbox: Pick<Inbox, "requestStop" | "withdraw" | "stopRequests">;
  readonly log: Log;
  /** Aborted when the gateway must go down. */
  readonly signal: AbortSignal;
  /** How often other processes' requests are looked for while a turn runs; 0 when there are none. */
  readonly lookEveryMs: number;
}

export const createRunningTurns = (options: RunningTurnsOptions): RunningTurns => {
  const { inbox, log, signal, lookEveryMs } = options;
  const running = new Map<number, AbortController>(); // by message id
  // Messages whose turns this process has not begun yet, and that somebody asked to stop.
  const early = new Set<number>();
  let timer: NodeJS.Timeout | undefined;

  signal.addEventListener("abort", () => {
    for (const controller of running.values()) controller.abort(signal.reason);
  });

  const look = async (): Promise<void> => {
    try {
      const ids = await inbox.stopRequests();
      for (const id of ids) running.get(id)?.abort(new TurnStoppedError());
    } catch (cause) {
      log.warn({ err: cause }, "requests to stop not read; trying again");
    }
    timer = running.size > 0 ? setTimeout(look, lookEveryMs) : undefined;
  };

  const end = (ids: readonly number[]): void => {
    for (const id of ids) {
      const controller = running.get(id);
      if (controller) controller.abort(new TurnStoppedError());
      // With others at work, the next look finds it.
      else if (lookEveryMs === 0) early.add(id);
    }
  };

  return {
    run: async (entry, turn) => {
      const controller = new AbortController();
      if (signal.aborted) controller.abort(signal.reason);
      running.set(entry.id, controller);
      if (early.delete(entry.id) || entry.isStopped) controller.abort(new TurnStoppedError());
      if (lookEveryMs > 0 && timer === undefined) timer = setTimeout(look, lookEveryMs);
      try {
        return await turn(controller.signal);
      } finally {
        running.delete(entry.id);
      }
    },
    stop: async (conversation) => {
      // By their ids: another turn of the conversation may begin at any moment.
      const ids = await inbox.requestStop(conversation);
      end(ids);
      return ids.length > 0;
    },
    withdraw: async (conversation, said) => {
      const withdrawn = await inbox.withdraw(conversation, said);
      end(withdrawn.ids);
      return withdrawn;
    },
  };
};
