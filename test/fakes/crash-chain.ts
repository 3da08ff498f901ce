import { join } from "node:path";
import type { StartOptions } from "./gateway-process.ts";

/** Questions that each process of a chain is asked. */
export const ASKED = 5;

/**
 * Where the processes of a chain die, one after the other, as `crash-at.mjs` takes it: while it sends
 * the last answer, while it decides, while it takes. In this order no message dies under more than two,
 * so that none is given up.
 */
export const KILLED_AT = [`sending:${ASKED}`, "model_answered:3", "stored:3"] as const;

export const killedAt = (at: (typeof KILLED_AT)[number]): StartOptions => ({
  nodeArguments: ["--import", join(import.meta.dirname, "crash-at.mjs")],
  environment: { CRASH_AT: at },
});
