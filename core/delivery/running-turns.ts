import type { Log } from "../contract/log.ts";
import { TurnSignal } from "../turn-signal.ts";
import type { Inbox, InboxEntry } from "./inbox.ts";
import type { Lane } from "./schedule.ts";
import type { Said, Withdrawn } from "./withdrawal.ts";

/** Why a turn's signal is aborted when somebody in its conversation asked for it, or took the question back. */
export class TurnStoppedError extends Error {
  override readonly name = "TurnStoppedError";
}

/** The turns that run in this process, so that somebody can end one. */
export interface RunningTurns {
  /** For a turn that begins: aborted by `stop`, by another process's, or at shutdown, until `ended`. */
  begin(entry: InboxEntry): TurnSignal;
  ended(entry: InboxEntry): void;
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
  const running = new Map<number, TurnSignal>(); // by message id
  // Messages whose turns this process has not begun yet, and that somebody asked to stop.
  const early = new Set<number>();
  let timer: NodeJS.Timeout | undefined;

  signal.addEventListener("abort", () => {
    for (const turn of running.values()) turn.abort(signal.reason);
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
      const turn = running.get(id);
      if (turn) turn.abort(new TurnStoppedError());
      // With others at work, the next look finds it.
      else if (lookEveryMs === 0) early.add(id);
    }
  };

  return {
    begin: (entry) => {
      const turn = new TurnSignal();
      if (signal.aborted) turn.abort(signal.reason);
      running.set(entry.id, turn);
      if (early.delete(entry.id) || entry.isStopped) turn.abort(new TurnStoppedError());
      if (lookEveryMs > 0 && timer === undefined) timer = setTimeout(look, lookEveryMs);
      return turn;
    },
    ended: (entry) => void running.delete(entry.id),
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
