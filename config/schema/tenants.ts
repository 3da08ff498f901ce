import { z } from "zod";
import { RISKS } from "../skill-rules.ts";
import { linksSchema, tenantDlpSchema } from "./content.ts";
import { exactText, later, text, textLike } from "./marks.ts";
import { skillSecretsSchema } from "./skill-secrets.ts";

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
      .describe(
        "Most tokens that one answer of the model may have; absent = 8192 where a budget is set, else the model's own limit.",
      ),
    data_residency: z
      .enum(["on-prem", "domestic", "any"])
      .default("any")
      .describe("Regions of the models that this tenant may name: on-prem; cn and on-prem; all."),
    fallback: z
      .array(modelRef())
      .optional()
      .describe("Asked in turn when a model before them cannot be had."),
    light: modelRef()
      .optional()
      .describe("For simple turns: a short line of text that no skill fits, nothing attached."),
    sensitive: modelRef()
      .optional()
      .describe(
        "For turns with personal data, which then go to its region and to on-prem only, fallbacks included.",
      ),
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
  workspace: exactText().describe("WeCom corp id, Slack team id or Discord guild id."),
  department: exactText().optional().describe("Department, by id or by name."),
  conversation: exactText()
    .optional()
    .describe("Conversation id; a WeCom chat with an app is `<agent id>/<user id>`."),
  role: exactText().optional().describe("The platform's own role id."),
});

const agentSchema = z.strictObject({
  name: textLike("name to be addressed with after @", (value) =>
    /^[\p{L}\p{N}_-]{1,64}$/u.test(value),
  ).describe("Name of the agent, unique in the tenant."),
  instructions: text().optional().describe("What the agent is told before every turn."),
  skills: z
    .array(text())
    .optional()
    .describe("Which of the tenant's skills this agent has; absent or `*` = all of them."),
  kind: z
    .literal("openclaw")
    .optional()
    .describe("Another agent system that answers in its place, without the tenant's skills."),
  provider: text()
    .optional()
    .describe("Provider that this agent asks; absent = the tenant's, for `openclaw` that preset."),
  model: text().optional().describe("Model that this agent asks; absent = the tenant's."),
});

const tenantSchema = z.strictObject({
  id: textLike("tenant id: a-z, 0-9, - and _, at most 63, first a letter or digit", (value) =>
    /^[a-z0-9][a-z0-9_-]{0,62}$/.test(value),
  ).describe("Stable id; stored with everything that belongs to the tenant."),
  name: text().optional().describe("Name for people; absent = the id."),
  max_agents: z.int().min(0).optional().describe("Most agents the tenant may have."),
  max_api_budget_monthly_usd: z
    .number()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe("Most US dollars that models may cost the tenant in a month; a hard stop."),
  rate_limits: z
    .strictObject({
      user_per_minute: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(600)
        .describe("Messages that one person may send within a minute."),
      tenant_per_minute: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(60_000)
        .describe("Messages that all people of the tenant together may send within a minute."),
    })
    .prefault({})
    .describe("How fast people may write; commands are not limited."),
  allowed_skills: z
    .array(text())
    .default([])
    .describe("Skills that the tenant may use; `*` = all; absent = none."),
  blocked_skills: z
    .array(text())
    .default([])
    .describe("Skills that the tenant may not use, whatever is allowed."),
  data_retention_days: z
    .int()
    .min(1)
    .optional()
    .describe("Days after which the tenant's messages are erased."),
  llm_config: llmConfigSchema.optional(),
  bindings: z
    .array(bindingSchema)
    .default([])
    .describe(
      "Who belongs to the tenant; the most specific binding wins (conversation, role, department, workspace).",
    ),
  external_users: z
    .boolean()
    .default(false)
    .describe(
      "Whether people of other organisations, in rooms that are shared with them, are answered at all.",
    ),
  locale: z
    .enum(["en", "zh-Hant", "zh-Hans"])
    .optional()
    .describe("Language of the gateway's own sentences; absent = the script of the question."),
  time_zone: textLike("time zone, e.g. Asia/Taipei", isTimeZone)
    .optional()
    .describe("Time zone of the tenant's months; absent = UTC."),
  contacts: z
    .array(text())
    .optional()
    .describe(
      "Who is told, in a direct chat, when the budget is nearly or wholly used: people as `channel:workspace:user`. Whatever else stands here, a mail address for example, is named in log and audit only.",
    ),
  consent: z
    .strictObject({ required: z.boolean().describe("Ask each person before the first answer.") })
    .optional()
    .describe("Whether people must consent first."),
  lexicons: z
    .array(text())
    .optional()
    .describe("Names under `moderation.lexicons` that apply to this tenant."),
  dlp: tenantDlpSchema.optional().describe("Data-loss prevention of this tenant."),
  links: linksSchema
    .optional()
    .describe("Links in answers; absent = any domain, but no data in them."),
  moderation: z
    .strictObject({
      required: z
        .boolean()
        .describe("Refuse when a classifier cannot be asked; absent = as `moderation.required`."),
    })
    .optional()
    .describe("Moderation of this tenant."),
  secrets: skillSecretsSchema,
  skill_policy: z
    .strictObject({
      max_risk: z.enum(RISKS).describe("Highest risk of a skill that may run; absent = high."),
    })
    .optional()
    .describe("Which of the allowed skills may run."),
  agents: z
    .array(agentSchema)
    .optional()
    .describe("Agents that are addressed as `@name`; the first one answers who names none."),
});

/** The tenants: walls between departments or companies. */
export const multiTenantSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Must not be false while tenants are listed."),
    isolation_level: z
      .literal("strict")
      .optional()
      .describe(
        "How far tenants are apart; nothing below strict exists, with this key or without.",
      ),
    tenants: z.array(tenantSchema).default([]).describe("The tenants."),
  })
  .describe("The tenants. A sender who matches none is refused; there is no default tenant.");
