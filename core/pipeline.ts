import type { Agent } from "./agent.ts";
import { compose } from "./compose.ts";
import type { Log } from "./contract/log.ts";
import type { Counters } from "./delivery/counters.ts";
import type { RunningTurns } from "./delivery/running-turns.ts";
import type { Memory } from "./memory/memory.ts";
import type { RateLimiter } from "./rate-limits/rate-limiter.ts";
import type { ReviewQueue } from "./reviews/reviews.ts";
import { createModerationGate, type ModerationParts } from "./safety/moderation-gate.ts";
import { address } from "./stages/address.ts";
import { answer } from "./stages/answer.ts";
import { attachments } from "./stages/attachments.ts";
import { audit } from "./stages/audit.ts";
import { authorize } from "./stages/authorize.ts";
import { called } from "./stages/called.ts";
import { type ConsentParts, consent } from "./stages/consent.ts";
import { dataIn } from "./stages/data-in.ts";
import { dataOut } from "./stages/data-out.ts";
import { type ForgetParts, forget } from "./stages/forget.ts";
import { moderationIn } from "./stages/moderation-in.ts";
import { moderationOut } from "./stages/moderation-out.ts";
import { notice } from "./stages/notice.ts";
import { outsiders } from "./stages/outsiders.ts";
import { rateLimit } from "./stages/rate-limit.ts";
import { readable } from "./stages/readable.ts";
import { recover } from "./stages/recover.ts";
import { remember } from "./stages/remember.ts";
import { review, reviewClick } from "./stages/review.ts";
import { reviewed } from "./stages/reviewed.ts";
import { stop } from "./stages/stop.ts";
import { type WelcomeParts, welcome } from "./stages/welcome.ts";
import { withdraw } from "./stages/withdraw.ts";

export interface PipelineParts
  extends WelcomeParts,
    ModerationParts,
    Omit<ForgetParts, "memory">,
    ConsentParts {
  readonly log: Log;
  readonly turns: RunningTurns;
  readonly limiter: RateLimiter;
  readonly counters: Counters;
  readonly reviews: Pick<ReviewQueue, "hold" | "list" | "show" | "decide" | "withdraw">;
  readonly memory: Pick<Memory, "prepare" | "recent" | "eraseMost" | "eraserOf">;
  readonly agent: Agent;
  readonly now: () => Date;
}

/**
 * A message goes down this list and its reply comes back up, so what judges replies stands in the
 * opposite order. Order is code, numbers are settings.
 */
export const createPipeline = ({ log, turns, agent, now, roles, ...parts }: PipelineParts) => {
  const { limiter, counters } = parts;
  const moderation = createModerationGate({ ...parts, log });
  return compose([
    audit(now), // one record per message, whatever happens below
    recover(log), // a fault below becomes an apology and a logged error
    notice(), // what the gateway itself tells a tenant's contact is said, and nothing below is asked
    outsiders(), // programs, and people of other organisations unless the tenant takes them, get silence
    welcome({ roles, ...parts }), // who opens the conversation is greeted, once a day
    reviewClick({ roles, ...parts }), // a click on the card of what is held decides on it
    withdraw({ turns, ...parts }), // a deleted question is not answered: what waits or is held is dropped, what runs is ended
    readable(), // other events end here, and kinds that cannot be read yet
    authorize(roles), // may this sender talk to an agent here?
    stop(turns), // `/stop` ends the running turn instead of asking the agent
    reviewed([consent({ ...parts, now }), remember(parts.memory), dataOut(parts.safetyOf)]), // what was held and is decided goes on, or its sender is told
    rateLimit(limiter, counters), // does the sender, or the tenant, write faster than they may?
    called(parts.skills), // who calls without a word is greeted
    forget({ ...parts, now }), // `/forget` erases what is remembered of whoever says it
    consent({ ...parts, now }), // where the tenant asks for it, nothing goes on before the sender said yes
    review({ ...parts, roles, now }), // `/review` shows reviewers what is held, and takes their decisions
    attachments(), // text files that came along are read, to be checked like the message
    dataIn(parts.safetyOf), // what a person sends loses its personal data, or is refused
    moderationIn(moderation), // and is judged by the tenant's terms and classifiers, or held for a reviewer
    remember(parts.memory), // what went through is kept with its answer, for later questions
    dataOut(parts.safetyOf), // the last word on an answer: no personal data in it, nor in its links
    moderationOut(moderation), // before that: no term of the tenant's in it, while it is written either
    address(), // `@name` picks one of the tenant's agents
    answer(agent), // the agent loop, each call of a model within budget and residency; never calls next
  ]);
};

export type Pipeline = ReturnType<typeof createPipeline>;
