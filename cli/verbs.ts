import type { Command } from "commander";
import { registerAgent } from "./agent.ts";
import { registerAudit } from "./audit.ts";
import { registerConfig } from "./config.ts";
import { registerDoctor } from "./doctor.ts";
import { registerInit } from "./init.ts";
import type { Io } from "./io.ts";
import { registerKey } from "./key.ts";
import { registerMemory } from "./memory.ts";
import { registerPolicy } from "./policy.ts";
import { registerQueue } from "./queue.ts";
import { registerReview } from "./review.ts";
import { registerSandbox } from "./sandbox.ts";
import { registerSimulate } from "./simulate.ts";
import { registerStart } from "./start.ts";
import { registerTenant } from "./tenant.ts";

/** Adds each verb of the command line, in the order in which `--help` shows them. */
export const VERBS: readonly ((program: Command, io: Io) => void)[] = [
  registerStart,
  registerSimulate,
  registerDoctor,
  registerInit,
  registerConfig,
  registerTenant,
  registerAgent,
  registerQueue,
  registerReview,
  registerKey,
  registerSandbox,
  registerPolicy,
  registerAudit,
  registerMemory,
];
