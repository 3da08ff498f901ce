import { ModelError } from "../contract/errors.ts";
import type { Log } from "../contract/log.ts";
import type { Reply } from "../contract/reply.ts";
import { TurnStoppedError } from "../delivery/running-turns.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";
import { StoreAwayError } from "../store/errors.ts";
import type { TurnSignal } from "../turn-signal.ts";

/** Turns a fault below into an apology that the person reads and an error that the operator reads. */
export const recover =
  (log: Log): Stage =>
  async (context, next) => {
    const { signal } = context;
    // It may have been stopped before it began.
    if (isStopped(signal)) return STOPPED;
    try {
      return await next(context);
    } catch (cause) {
      // Whoever said `/stop` is answered there.
      if (isStopped(signal)) return STOPPED;
      // Going down is no fault of the turn: the next process does it again.
      if (signal.aborted) throw cause;
      // Nor is a store that is away, and an apology could not be stored, either.
      if (cause instanceof StoreAwayError) throw cause;
      const { traceId, tenant, locale } = context;
      log.error({ err: cause, traceId, tenant: tenant.id }, "turn failed");
      return refuse(cause instanceof ModelError ? cause.code : "INTERNAL", locale);
    }
  };

const STOPPED: Reply = { kind: "silence", reason: "STOPPED" };

const isStopped = ({ reason }: TurnSignal): boolean => reason instanceof TurnStoppedError;
