import type { Agent } from "../agent.ts";
import type { Stage } from "../stage.ts";

/** The end of the line: asks the agent. */
export const answer =
  (agent: Agent): Stage =>
  (context) =>
    agent.answer(context);
