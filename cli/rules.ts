import { createBoundGroups } from "../config/bound-groups.ts";
import { createDepartmentNeeds } from "../config/department-needs.ts";
import type { LoadedSettings } from "../config/load.ts";
import { createPriceBook } from "../config/price-book.ts";
import { createRoleIndex } from "../config/roles.ts";
import { createTenantIndex } from "../config/tenant.ts";
import { createAgent } from "../core/agent.ts";
import type { AuditLog } from "../core/audit-log.ts";
import type { Budget } from "../core/budget/budget.ts";
import type { Log } from "../core/contract/log.ts";
import type { Metrics } from "../core/contract/metrics.ts";
import type { Skill } from "../core/contract/skill.ts";
import type { Consents } from "../core/data-rights/consents.ts";
import type { Counters } from "../core/delivery/counters.ts";
import type { RunningTurns } from "../core/delivery/running-turns.ts";
import type { LegalHolds } from "../core/memory/legal-holds.ts";
import type { Memory } from "../core/memory/memory.ts";
import { createModels } from "../core/models/ask.ts";
import { createProvider } from "../core/models/create.ts";
import { createPipeline } from "../core/pipeline.ts";
import type { RateLimiter } from "../core/rate-limits/rate-limiter.ts";
import type { ReviewQueue } from "../core/reviews/reviews.ts";
import { prepareRules } from "../core/safety/dlp/prepare-rules.ts";
import type { LoadLexicon } from "../core/safety/moderation/load-lexicon.ts";
import { prepareModeration } from "../core/safety/moderation/prepare.ts";
import { createSkillRunner, type RunnableSkill } from "../core/skill-runner.ts";
import type { Rules } from "../core/turn.ts";
import type { Welcomed } from "../core/welcomed.ts";
import { exportProblem } from "../sandbox/audit/audit-file.ts";
import type { Sandbox } from "../sandbox/driver.ts";
import { createLimits } from "../sandbox/policy.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import { createValidator } from "../skills/shape.ts";
import { loadContentRules } from "./content-rules.ts";
import { createSkillEgress } from "./skill-egress.ts";
import { skillFolders } from "./skill-folders.ts";
import { skillWarnings } from "./skill-warnings.ts";

export interface RulesParts {
  readonly sandbox: Sandbox;
  readonly auditLog: AuditLog;
  readonly turns: RunningTurns;
  readonly welcomed: Welcomed;
  readonly budget: Budget;
  readonly limiter: RateLimiter;
  readonly counters: Counters;
  readonly memory: Memory;
  readonly metrics: Metrics;
  readonly holds: LegalHolds;
  readonly consents: Consents;
  readonly reviews: ReviewQueue;
  readonly loadLexicon: LoadLexicon;
  readonly log: Log;
  readonly now: () => Date;
}

/** What the settings decide about a message, with what was odd about them. */
export interface BuiltRules extends Rules {
  /** Those that could be loaded, by name. */
  readonly skills: ReadonlyMap<string, Skill>;
  readonly warnings: readonly string[];
}

/** Builds everything that a change of the settings can replace while the gateway runs. */
export const buildRules = async (
  loaded: LoadedSettings,
  {
    sandbox,
    auditLog,
    turns,
    welcomed,
    budget,
    limiter,
    counters,
    memory,
    metrics,
    holds,
    consents,
    reviews,
    loadLexicon,
    log,
    now,
  }: RulesParts,
): Promise<BuiltRules> => {
  const { settings, providers } = loaded;
  const models = createModels({
    providers: new Map([...providers].map(([name, found]) => [name, createProvider(found)])),
    prices: createPriceBook(settings),
    budget,
    metrics,
    log,
    now,
  });
  const { warnings, ...content } = loadContentRules(loaded, loadLexicon, models);
  if (settings.moderation?.lexicons?.length) prepareModeration();
  if (settings.enterprise.data_loss_prevention?.rules?.length) prepareRules();
  const catalogue = await loadCatalogue(skillFolders(settings));
  const skills = createSkillRunner({
    skills: new Map([...catalogue.skills].map(([name, skill]) => [name, runnable(skill)])),
    sandbox,
    limitsFor: createLimits(settings.openshell),
    egressFor: createSkillEgress(settings.openshell),
    safetyOf: content.safetyOf,
    auditLog,
    now,
    metrics,
  });
  const agent = createAgent({ models, skills, now });
  const roles = createRoleIndex(settings);
  return {
    tenants: createTenantIndex(settings),
    asksForDepartments: createDepartmentNeeds(settings),
    boundGroups: createBoundGroups(settings),
    pipeline: createPipeline({
      log,
      roles,
      turns,
      agent,
      now,
      skills,
      welcomed,
      limiter,
      counters,
      memory,
      holds,
      consents,
      reviews,
      ...content,
    }),
    skills: catalogue.skills,
    warnings: [
      ...warnings,
      ...skillWarnings(settings, catalogue),
      ...[exportProblem(settings.openshell.audit?.export_to)].filter((text) => text !== undefined),
    ],
  };
};

const runnable = (skill: Omit<RunnableSkill, "inputProblem" | "outputProblem">): RunnableSkill => ({
  ...skill,
  inputProblem: createValidator(skill.input),
  outputProblem: createValidator(skill.output),
});
