import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { registerTenant } from "../../cli/tenant.ts";
import { verifyChain } from "../../core/audit/verify.ts";
import { createAuditLog } from "../../core/audit-log.ts";
import { createBudget } from "../../core/budget/budget.ts";
import { createCounters } from "../../core/delivery/counters.ts";
import { openStore } from "../../core/store/open-store.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { recordedLog } from "../fakes/log.ts";
import { noNotices } from "../fakes/notices.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();

const CORP = "wwcorp";

const SETTINGS = {
  channels: {
    wechat_work: {
      ...{ enabled: true, corp_id: CORP, agent_id: "1000002", secret: "s", token: "t" },
      encoding_aes_key: "A".repeat(43),
    },
    slack: { enabled: true, signing_secret: "0".repeat(32), bot_token: "xoxb-1" },
  },
  skills: { folders: ["skills"] },
  multi_tenant: {
    tenants: [
      {
        ...{ id: "sales", name: "Sales\u001b[2J" },
        bindings: [{ channel: "wechat_work", workspace: CORP }],
        ...{ allowed_skills: ["*"], blocked_skills: ["shell"] },
        ...{ skill_policy: { max_risk: "medium" }, consent: { required: true } },
        agents: [{ name: "writer", skills: ["search", "shell"] }],
        ...{ max_api_budget_monthly_usd: 50, time_zone: "Asia/Taipei", contacts: ["a@b.test"] },
        secrets: [{ name: "API_KEY", value: "PLANTED-secret", host: "api.test" }],
      },
      {
        id: "finance",
        bindings: [{ channel: "wechat_work", workspace: CORP, department: "財務部" }],
        allowed_skills: ["search"],
      },
      {
        id: "reception",
        bindings: [{ channel: "wechat_work", workspace: CORP, conversation: "1000002/guest" }],
      },
      { id: "press", bindings: [{ channel: "slack", workspace: "T1", role: "R1" }] },
      { id: "media", bindings: [{ channel: "slack", workspace: "T1", role: "R2" }] },
    ],
  },
  enterprise: {
    rbac: {
      role_bindings: [
        { role: "auditor", users: [`wechat_work:${CORP}:Audrey`] },
        { role: "admin", departments: ["it"], groups: ["admins"] },
      ],
    },
  },
};

const skill = (name: string, risk: string) => {
  mkdirSync(join(folder.path, "skills", name), { recursive: true });
  writeFileSync(
    join(folder.path, "skills", name, "SKILL.md"),
    `---\nname: ${name}\ndescription: ${name}s\nmetadata:\n  clawgate.risk: ${risk}\n---\nText.\n`,
  );
};

const tenant = async (...words: string[]) => {
  writeFileSync(join(folder.path, "settings.json"), JSON.stringify(SETTINGS));
  for (const [name, risk] of [
    ["search", "low"],
    ["shell", "low"],
    ["deploy", "high"],
  ] as const) {
    skill(name, risk);
  }
  return runVerb(registerTenant, folder.path, ["tenant", ...words]);
};

const factsOf = async (...words: string[]) => {
  const { code, out, err } = await tenant("who", ...words, "--json");
  expect(err).toBe("");
  return { code, facts: JSON.parse(out) };
};

describe("tenant who", () => {
  it("says tenant, roles, permissions and skills, and what each comes from", async () => {
    const { code, out } = await tenant("who", `wechat_work:${CORP}:lisi`);
    expect(code).toBe(0);
    for (const line of [
      "sales, the whole workspace: matches; multi_tenant.tenants[0].bindings[0]",
      "finance, department 財務部: cannot be told (department); multi_tenant.tenants[1].bindings[0]",
      "reception, conversation 1000002/guest: no (conversation)",
      "sales (Sales?[2J), by its binding to the whole workspace",
      "user (everyone's role without another): agent:chat, agent:view",
      "yes: agent:chat",
      "search: yes",
      "shell: no: blocked_skills has it",
      "deploy: no: its risk is over skill_policy.max_risk",
      "@writer: search",
      "it would be finance in department 財務部: say so with --department",
      "departments are not known here",
      "who has not agreed with /consent is refused all the same",
      "roles of an identity provider's groups are given to nobody",
    ]) {
      expect(out).toContain(line);
    }
    expect(out).not.toContain("\u001b");
    expect(out).not.toContain("PLANTED");
  });

  it("lets a more specific binding win once what it asks for is told", async () => {
    const { code, facts } = await factsOf(
      ...[`wechat_work:${CORP}:lisi`, "--department", "9", "--department", "財務部"],
    );
    expect(code).toBe(0);
    expect(facts).toMatchObject({
      tenant: { kind: "tenant", id: "finance" },
      skills: expect.arrayContaining([{ name: "shell", verdict: "not_listed" }]),
    });
    expect(facts.notes.join()).not.toContain("--department");
  });

  it("takes the direct chat with a corp's only app as where somebody writes", async () => {
    const { facts } = await factsOf(`wechat_work:${CORP}:Guest`);
    expect(facts.tenant).toMatchObject({ id: "reception" });
    const other = await factsOf(`wechat_work:${CORP}:Guest`, "--conversation", "wr1");
    const written = await factsOf("wechat_work:wwcorp:x", "--conversation", "1000002/GUEST");
    expect(written.facts.tenant).toMatchObject({ id: "reception" });
    expect(other.facts.tenant).toMatchObject({ id: "sales" });
  });

  it("ends with 1 for whom no tenant is found, or two, or who may not chat", async () => {
    expect(await factsOf("slack:T1:U1")).toMatchObject({
      code: 1,
      facts: { tenant: { kind: "unknown" }, refusal: "TENANT_UNKNOWN", skills: [] },
    });
    expect(await factsOf("slack:T1:U1", "--role", "R1", "--role", "R2")).toMatchObject({
      code: 1,
      facts: { tenant: { kind: "ambiguous", ids: ["media", "press"] }, may_chat: false },
    });
    const { facts } = await factsOf("discord:9:8");
    expect(facts.notes.slice(0, 2)).toEqual([
      "channel discord is not switched on: nobody is heard there",
      expect.stringContaining("no tenant has a binding to discord 9"),
    ]);
    expect(await factsOf(`wechat_work:${CORP}:AUDREY`)).toMatchObject({
      code: 1,
      facts: {
        refusal: "NOT_PERMITTED",
        roles: [{ role: "auditor", through: "user", path: "enterprise.rbac.role_bindings[0]" }],
      },
    });
  });

  it.each(["lisi", "wecom:corp:lisi", "slack:T1:", "slack::U1", ""])(
    "says how a person is written instead of %j",
    async (person) => {
      const { code, out, err } = await tenant("who", person);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toContain("wechat_work:wwcorp:zhangsan");
    },
  );
});

describe("tenant list", () => {
  it("lists the tenants, what they ask and what they may spend", async () => {
    const { code, out } = await tenant("list");
    expect(code).toBe(0);
    expect(out).toMatch(/^ID +NAME +BINDINGS +AGENTS +MODEL +RESIDENCY +BUDGET\n/);
    expect(out).toMatch(/sales +Sales\?\[2J +1 +1 +rules +any +50 USD/);
    const { tenants } = JSON.parse((await tenant("list", "--json")).out);
    expect(tenants.map(({ id }: { readonly id: string }) => id)).toEqual([
      ...["sales", "finance", "reception", "press", "media"],
    ]);
  });
});

describe("tenant show", () => {
  it("shows the settings and the month's spending, but no secret, and is on record", async () => {
    await tenant("list");
    const store = await openStore({ url: `file:${join(folder.path, "data")}` });
    const auditLog = createAuditLog(store);
    const budget = createBudget({
      ...{ store, auditLog, notices: noNotices, log: recordedLog(), counters: createCounters() },
      now: () => new Date(),
    });
    const reservation = await budget.reserve({ id: "sales", timeZone: "Asia/Taipei" }, 2e9);
    await reservation?.settle(1_250_000_000);
    const { code, out } = await tenant("show", "sales", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      tenant: "sales",
      budget: { monthly_usd: 50 },
      spending: { spent_usd: 1.25, reserved_usd: 0, month: expect.stringMatching(/^\d{4}-\d\d$/) },
      known_skills: [
        { name: "deploy", risk: "high", verdict: "too_risky" },
        { name: "search", risk: "low", verdict: "allowed" },
        { name: "shell", risk: "low", verdict: "blocked" },
      ],
      agents: [{ name: "writer", provider: "rules", skills: ["search"] }],
      secrets: [{ name: "API_KEY", host: "api.test", skills: null }],
      contacts: ["a@b.test"],
    });
    const words = await tenant("show", "sales");
    expect(words.out).toContain("1.25 US dollars spent");
    expect(words.out).toContain("@writer: rules; search");
    expect(`${out}${words.out}`).not.toContain("PLANTED");
    // Another tenant's month is not this one's.
    expect(JSON.parse((await tenant("show", "press", "--json")).out).spending.spent_usd).toBe(0);
    const usage = await budget.usage(tenantScope("sales"), { timeZone: "Asia/Taipei" });
    expect(usage.spentUsd).toBe(1.25);
    const witnesses = { keys: [], checkpoints: [] };
    expect(await verifyChain(store, "_platform", witnesses)).toMatchObject({ records: 3 });
    await store.close();
  });

  it("names the tenants that there are when it is asked about another", async () => {
    const { code, err } = await tenant("show", "nobody");
    expect(code).toBe(1);
    expect(err).toMatch(/no tenant "nobody"; it has: sales, finance/);
  });
});
