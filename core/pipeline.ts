import type { Agent } from "./agent.ts";
import { compose } from "./compose.ts";
import type { Log } from "./contract/log.ts";
import type { RunningTurns } from "./delivery/running-turns.ts";
import { answer } from "./stages/answer.ts";
import { audit } from "./stages/audit.ts";
import { authorize } from "./stages/authorize.ts";
import { outsiders } from "./stages/outsiders.ts";
import { readable } from "./stages/readable.ts";
import { recover } from "./stages/recover.ts";
import { stop } from "./stages/stop.ts";
import { type WelcomeParts, welcome } from "./stages/welcome.ts";

export interface PipelineParts extends WelcomeParts {
  readonly log: Log;
  readonly turns: RunningTurns;
  readonly agent: Agent;
  readonly now: () => Date;
}

/** A message goes down this list and its reply comes back up. Order is code, numbers are settings. */
export const createPipeline = ({ log, turns, agent, now, roles, ...parts }: PipelineParts) =>
  compose([
    audit(now), // one record per message, whatever happens below
    recover(log), // a fault below becomes an apology and a logged error
    outsiders(), // programs, and people of other organisations unless the tenant takes them, get silence
    welcome({ roles, ...parts }), // who opens the conversation is greeted, once a day
    readable(), // other events end here, and kinds that cannot be read yet
    authorize(roles), // may this sender talk to an agent here?
    stop(turns), // `/stop` ends the running turn instead of asking the agent
    answer(agent), // the agent loop; the only stage that never calls next()
  ]);

export type Pipeline = ReturnType<typeof createPipeline>;
