import { describe, expect, it } from "vitest";
import { createRoleIndex } from "../../config/roles.ts";
import { settingsSchema } from "../../config/schema.ts";
import { createTenantIndex } from "../../config/tenant.ts";
import { createAgent } from "../../core/agent.ts";
import { compose } from "../../core/compose.ts";
import type { ModelProvider } from "../../core/contract/model.ts";
import { createRulesProvider } from "../../core/models/rules.ts";
import { createSkillRunner, type RunnableSkill } from "../../core/skill-runner.ts";
import { address } from "../../core/stages/address.ts";
import { answer } from "../../core/stages/answer.ts";
import { authorize } from "../../core/stages/authorize.ts";
import { createLimits } from "../../sandbox/policy.ts";
import { createValidator } from "../../skills/shape.ts";
import { freeContent } from "../fakes/safety.ts";
import {
  callOf,
  fakeSandbox,
  freeModels,
  recordedAudit,
  scriptedModel,
  textContext,
} from "../fakes/turn.ts";

const skill = (name: string, risk: RunnableSkill["risk"] = "low"): RunnableSkill => ({
  ...{ name, description: `${name} for people`, instructions: "", folder: `/skills/${name}` },
  files: new Map(),
  ...{ digest: "d1", risk, egress: [], secrets: [], limits: {} },
  entry: { path: "scripts/run.py", language: "python" },
  inputProblem: createValidator(undefined),
  outputProblem: createValidator(undefined),
});

const SKILLS = [
  ...[skill("web-search"), skill("content-gen", "medium"), skill("code-runner", "high")],
  ...[skill("payroll"), skill("file-manager")],
];

const SETTINGS = settingsSchema.parse({
  multi_tenant: {
    tenants: [
      {
        id: "marketing",
        allowed_skills: ["*", "code-runner", "file-manager"],
        blocked_skills: ["payroll", "File-Manager"],
        skill_policy: { max_risk: "medium" },
        llm_config: { provider: "fake", model: "fake-1" },
        agents: [
          { name: "all" },
          { name: "writer", skills: ["content-gen", "payroll", "code-runner"] },
          { name: "claw", kind: "openclaw", provider: "fake" },
        ],
      },
      {
        id: "support",
        allowed_skills: ["web-search"],
        llm_config: { provider: "fake", model: "fake-1" },
      },
    ],
  },
});

/** Has a turn of this tenant with a model that calls `name`, whatever it was told of. */
const turn = async (name: string, text = "hi", tenantId = "marketing") => {
  const model = scriptedModel(callOf(name), { text: "done" });
  const { runs, reply, auditLog } = await turnWith(model.provider, text, tenantId);
  return {
    ran: runs.map(({ origin }) => origin?.skill),
    told: model.requests[0]?.tools.map((tool) => tool.name).sort(),
    code: reply.kind === "refusal" ? reply.code : reply.kind,
    verdicts: auditLog.records.map(({ detail }) => detail?.verdict),
  };
};

const turnWith = async (
  provider: ModelProvider,
  text: string,
  tenantId: string,
  rbac: object = {},
) => {
  const auditLog = recordedAudit();
  const { sandbox, runs } = fakeSandbox();
  const now = () => new Date(0);
  const skills = createSkillRunner({
    ...{ sandbox, auditLog, now, safetyOf: freeContent.safetyOf, egressFor: () => "none" },
    skills: new Map(SKILLS.map((each) => [each.name, each])),
    limitsFor: createLimits(SETTINGS.openshell),
  });
  const agent = createAgent({
    ...{ skills, now },
    models: freeModels({ ...provider, name: "fake" }),
  });
  const tenant = createTenantIndex(SETTINGS).get(tenantId);
  if (!tenant) throw new Error(`no tenant ${tenantId}`);
  const roles = createRoleIndex(settingsSchema.parse({ enterprise: { rbac } }));
  const stages = compose([authorize(roles), address(), answer(agent)]);
  const reply = await stages(textContext(text, tenant));
  return { reply, runs, auditLog };
};

const REFUSED = { ran: [], code: "SKILL_NOT_ALLOWED" };

describe("a tenant's skills", () => {
  it("are told to the model and run: allowed, not blocked, not too risky", async () => {
    expect(await turn("web-search")).toMatchObject({
      told: ["content-gen", "web-search"],
      ran: ["web-search"],
      code: "text",
    });
  });

  it("attack: a model that calls a blocked skill all the same has nothing run", async () => {
    expect(await turn("payroll")).toMatchObject({ ...REFUSED, verdicts: ["blocked"] });
  });

  it("attack: an allowance beside a block, in another case, does not undo it", async () => {
    expect(await turn("file-manager")).toMatchObject({ ...REFUSED, verdicts: ["blocked"] });
  });

  it("attack: a skill over max_risk is neither told nor run, though the tenant lists it", async () => {
    expect(await turn("code-runner")).toMatchObject({ ...REFUSED, verdicts: ["too_risky"] });
  });

  it.each([
    ["invented", "shell"],
    ["another case", "Web-Search"],
    ["full-width letters", "ｗｅｂ-ｓｅａｒｃｈ"],
    ["an invisible character", "web-\u200bsearch"],
    ["white space", " web-search "],
    ["a look-alike", "web-se\u0430rch"],
    ["a property of every object", "__proto__"],
    ["a method of maps", "constructor"],
  ])("attack: a name that is no skill's own is refused: %s", async (_, name) => {
    expect(await turn(name)).toMatchObject({ ...REFUSED, verdicts: ["unknown"] });
  });

  it("attack: a model tells nobody a number or a term past the content rules as the name of a skill", async () => {
    const { provider } = scriptedModel(callOf("casino-123-45-6789"));
    const { reply } = await turnWith(provider, "hi", "marketing");
    expect(reply).toMatchObject({ kind: "refusal", code: "SKILL_NOT_ALLOWED" });
    expect(JSON.stringify(reply)).not.toMatch(/casino|6789/);
  });

  it("attack: a skill of another tenant is neither told nor run", async () => {
    expect(await turn("content-gen", "hi", "support")).toMatchObject({
      ...REFUSED,
      told: ["web-search"],
      verdicts: ["not_listed"],
    });
  });

  it("attack: an agent whose list is wider than its tenant's gets nothing more by it", async () => {
    for (const name of ["payroll", "code-runner"]) {
      expect(await turn(name, "@writer hi")).toMatchObject({ ...REFUSED, told: ["content-gen"] });
    }
    expect(await turn("content-gen", "@writer hi")).toMatchObject({ ran: ["content-gen"] });
  });

  it("attack: an agent does not run what only its tenant's other agents may", async () => {
    expect(await turn("web-search", "@writer hi")).toMatchObject({
      ...REFUSED,
      verdicts: ["not_the_agents"],
    });
  });

  it("attack: another agent system has no skills of the tenant's", async () => {
    expect(await turn("web-search", "@claw hi")).toMatchObject({ ...REFUSED, told: [] });
  });

  it("attack: without the role check a forbidden skill is as forbidden as with it", async () => {
    const nobodys = { roles: [{ name: "user", permissions: [] }] };
    for (const [rbac, code] of [
      [{ ...nobodys, enabled: false }, "SKILL_NOT_ALLOWED"],
      [nobodys, "NOT_PERMITTED"],
    ] as const) {
      const { provider } = scriptedModel(callOf("payroll"));
      const { reply, runs } = await turnWith(provider, "hi", "marketing", rbac);
      expect([reply, runs]).toMatchObject([{ kind: "refusal", code }, []]);
    }
  });

  it("attack: a message that names a forbidden skill has nothing run", async () => {
    for (const name of ["payroll", "code-runner", "PAYROLL", "ｐａｙｒｏｌｌ", "file-manager"]) {
      const rules = createRulesProvider("fake");
      const { runs } = await turnWith(rules, `${name}: ${name} for people`, "marketing");
      expect(runs.map(({ origin }) => origin?.skill)).not.toContain(name.toLowerCase());
    }
    const { runs } = await turnWith(createRulesProvider("fake"), "web-search", "marketing");
    expect(runs).toHaveLength(1);
  });
});
