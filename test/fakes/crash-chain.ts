import { join } from "node:path";
import { expect, vi } from "vitest";
import type { TracePoint } from "../../core/contract/trace-points.ts";
import type { GatewayProcess, StartOptions } from "./gateway-process.ts";

/** Questions that each process of a chain is asked. */
export const ASKED = 5;

/**
 * Where the processes of a chain die, one after the other: somewhere among what they were asked, and
 * where nothing else is to be done with the last answer.
 */
export const KILLED_AT: readonly (readonly [TracePoint, number])[] = [
  ["sending", ASKED],
  ["sent", ASKED],
  ["delivered", ASKED],
  ["model_answered", 3],
  ["stored", 3],
];

const SIGNAL = "SIGUSR2";

/** For a process that dies at a point once `arm` has told it to. */
export const killedAt = ([point, times]: (typeof KILLED_AT)[number]): StartOptions => ({
  nodeArguments: ["--import", join(import.meta.dirname, "crash-at.mjs")],
  environment: { CRASH_AT: `${point}:${times}`, CRASH_FROM: SIGNAL },
});

/** From now on it counts; what was asked before is best answered by then, so that nothing dies twice. */
export const arm = async (
  gateway: GatewayProcess,
  [point]: (typeof KILLED_AT)[number],
): Promise<void> => {
  gateway.tell(SIGNAL);
  await vi.waitFor(() => expect(gateway.output).toContain(`counting down to ${point}`), {
    ...{ timeout: 30_000, interval: 10 },
  });
};
