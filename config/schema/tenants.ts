import { z } from "zod";
import { later, text, textLike } from "./marks.ts";

const isTimeZone = (value: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch {
    return false;
  }
};

const modelRef = () =>
  z.strictObject({
    provider: text().describe("Name of a provider."),
    model: text().describe("Model of that provider."),
  });

const llmConfigSchema = z
  .strictObject({
    provider: text().describe(
      "Name under `models.providers`, or of a preset, or `rules` or `echo`.",
    ),
    model: text().optional().describe("Model to ask; not needed for `rules` and `echo`."),
    max_tokens_per_request: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe("Most tokens that one answer of the model may have."),
    data_residency: z
      .enum(["on-prem", "domestic", "any"])
      .default("any")
      .describe("Regions of the models that this tenant may name: on-prem; cn and on-prem; all."),
    fallback: later(z.array(modelRef())).optional().describe("Asked in turn when the first fails."),
    light: later(modelRef()).optional().describe("For simple turns."),
    sensitive: later(modelRef()).optional().describe("For turns with personal data."),
    transcription: later(modelRef()).optional().describe("For voice messages."),
    cache: later(
      z.strictObject({
        ttl_seconds: z
          .int()
          .min(0)
          .describe("How long an answer may be used again; 0 = not at all."),
      }),
    )
      .optional()
      .describe("Answers that may be used again."),
  })
  .describe("Which model answers; absent = the built-in `rules`.");

const bindingSchema = z.strictObject({
  channel: z.enum(["wechat_work", "slack", "discord"]).describe("Key under `channels`."),
  workspace: text().describe("WeCom corp id, Slack team id or Discord guild id."),
  department: text().optional().describe("Department, by id or by name."),
  conversation: text()
    .optional()
    .describe("Conversation id; a WeCom chat with an app is `<agent id>/<user id>`."),
  role: text().optional().describe("The platform's own role id."),
});

const agentSchema = z.strictObject({
  name: textLike("name to be addressed with after @", (value) =>
    /^[\p{L}\p{N}_-]{1,64}$/u.test(value),
  ).describe("Name of the agent, unique in the tenant."),
  instructions: text().optional().describe("What the agent is told before every turn."),
  skills: z
    .array(text())
    .optional()
    .describe("Skills of this agent; absent = all of the tenant's."),
  kind: z
    .literal("openclaw")
    .optional()
    .describe("Another agent system that answers in its place."),
  provider: text().optional().describe("Provider that this agent asks."),
  model: text().optional().describe("Model that this agent asks."),
});

const tenantSchema = z.strictObject({
  id: textLike("tenant id: a-z, 0-9, - and _, at most 63, first a letter or digit", (value) =>
    /^[a-z0-9][a-z0-9_-]{0,62}$/.test(value),
  ).describe("Stable id; stored with everything that belongs to the tenant."),
  name: text().optional().describe("Name for people; absent = the id."),
  max_agents: later(z.int().min(0)).optional().describe("Most agents the tenant may have."),
  max_api_budget_monthly_usd: later(z.number().min(0))
    .optional()
    .describe("Most US dollars that models may cost the tenant in a month."),
  allowed_skills: z
    .array(text())
    .default([])
    .describe("Skills that the tenant may use; `*` = all; absent = none."),
  blocked_skills: z
    .array(text())
    .default([])
    .describe("Skills that the tenant may not use, whatever is allowed."),
  data_retention_days: later(z.int().min(1))
    .optional()
    .describe("Days after which the tenant's messages are erased."),
  llm_config: llmConfigSchema.optional(),
  bindings: z
    .array(bindingSchema)
    .default([])
    .describe(
      "Who belongs to the tenant; the most specific binding wins (conversation, role, department, workspace).",
    ),
  locale: z
  external_users: z
    .boolean()
    .default(false)
    .describe(
      "Whether people of other organisations, in rooms that are shared with them, are answered at all.",
    ),
    .enum(["en", "zh-Hant", "zh-Hans"])
    .optional()
    .describe("Language of the gateway's own sentences; absent = the script of the question."),
  time_zone: later(textLike("time zone, e.g. Asia/Taipei", isTimeZone))
    .optional()
    .describe("Time zone of the tenant's days and months."),
  contacts: later(z.array(text())).optional().describe("Who is told about budgets and incidents."),
  consent: later(
    z.strictObject({ required: z.boolean().describe("Ask each person before the first answer.") }),
  )
    .optional()
    .describe("Whether people must consent first."),
  lexicons: later(z.array(text()))
    .optional()
    .describe("Names under `moderation.lexicons` that apply to this tenant."),
  moderation: later(
    z.strictObject({ required: z.boolean().describe("Refuse when moderation is unreachable.") }),
  )
    .optional()
    .describe("Moderation of this tenant."),
  skill_policy: later(
    z.strictObject({
      max_risk: z.enum(["low", "medium", "high"]).describe("Highest risk of a skill that may run."),
    }),
  )
    .optional()
    .describe("Which of the allowed skills may run."),
  agents: later(z.array(agentSchema))
    .optional()
    .describe(
      "Agents that are addressed as `@name`; for now the first one's instructions serve the tenant.",
    ),
});

/** The tenants: walls between departments or companies. */
export const multiTenantSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Must not be false while tenants are listed."),
    isolation_level: later(z.literal("strict"))
      .optional()
      .describe("How far tenants are apart; nothing below strict exists."),
    tenants: z.array(tenantSchema).default([]).describe("The tenants."),
  })
  .describe("The tenants. A sender who matches none is refused; there is no default tenant.");
