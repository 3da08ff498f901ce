import { randomUUID } from "node:crypto";
import type { LoadedSettings } from "../config/load.ts";
import { createTenantIndex, type Tenant } from "../config/tenant.ts";
import { readUsage, type Usage } from "../core/budget/budget.ts";
import { monthOf } from "../core/budget/month.ts";
import { servedBy } from "../core/named-agents.ts";
import { allowed } from "../core/operators/operator.ts";
import { PLATFORM_SCOPE, tenantScope } from "../core/store/scope.ts";
import { type Catalogue, loadCatalogue } from "../skills/catalogue.ts";
import { allowedTo } from "./allowed-skills.ts";
import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { noTenant } from "./no-tenant.ts";
import { withAnyStore } from "./operations.ts";
import { policyFacts } from "./policy-facts.ts";
import { policyWords } from "./policy-words.ts";
import { type Section, sections } from "./sections.ts";
import { skillFolders } from "./skill-folders.ts";
import { table } from "./table.ts";

export interface TenantOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Lists the tenants of the settings. 0 also when there are none. */
export const list = (io: Io, { settings: path, json }: TenantOptions): number => {
  const { settings } = lookAtSettings(io, path);
  const tenants = settings.multi_tenant.tenants.map((tenant) => ({
    id: tenant.id,
    name: tenant.name ?? tenant.id,
    bindings: tenant.bindings.length,
    agents: (tenant.agents ?? []).length,
    provider: tenant.llm_config?.provider ?? "rules",
    model: tenant.llm_config?.model ?? "",
    data_residency: tenant.llm_config?.data_residency ?? "any",
    monthly_usd: tenant.max_api_budget_monthly_usd ?? null,
  }));
  if (json) io.stdout.write(`${JSON.stringify({ tenants })}\n`);
  else if (tenants.length === 0) io.stdout.write("no tenants: nobody is answered\n");
  else {
    io.stdout.write(
      table([
        ["ID", "NAME", "BINDINGS", "AGENTS", "MODEL", "RESIDENCY", "BUDGET"],
        ...tenants.map((tenant) => [
          ...[tenant.id, tenant.name, String(tenant.bindings), String(tenant.agents)],
          ...[`${tenant.provider} ${tenant.model}`.trim(), tenant.data_residency],
          tenant.monthly_usd === null ? "-" : `${tenant.monthly_usd} USD`,
        ]),
      ]),
    );
  }
  return 0;
};

/** Shows what the settings decide for a tenant, and its month. 0 shown, 1 there is no such tenant. */
export const show = async (io: Io, id: string, options: TenantOptions): Promise<number> => {
  const loaded = lookAtSettings(io, options.settings);
  const policy = policyFacts(loaded, id);
  const tenant = createTenantIndex(loaded.settings).get(id);
  if (!policy || !tenant) return noTenant(io, options, loaded, id);
  const catalogue = await loadCatalogue(skillFolders(loaded.settings));
  return withAnyStore(io, options.settings, async ({ store, auditLog, now }) => {
    await auditLog.record(
      allowed({ who: "cli" }, now(), {
        scope: PLATFORM_SCOPE,
        action: "tenant.show",
        subject: id,
        traceId: randomUUID(),
      }),
    );
    const month = monthOf(now(), tenant.timeZone);
    const usage = await readUsage(store, tenantScope(id), month);
    const facts = { ...policy, ...factsOf(loaded, tenant, catalogue), spending: spending(usage) };
    io.stdout.write(
      options.json
        ? `${JSON.stringify(facts, null, 2)}\n`
        : sections([...policyWords(policy), ...furtherWords(facts)]),
    );
    return 0;
  });
};

const factsOf = ({ settings }: LoadedSettings, tenant: Tenant, { skills }: Catalogue) => {
  const written = settings.multi_tenant.tenants.find(({ id }) => id === tenant.id);
  return {
    known_skills: [...skills.values()].map((skill) => ({
      name: skill.name,
      risk: skill.risk,
      verdict: tenant.skillVerdict(skill),
    })),
    agents: tenant.agents.map((agent) => ({
      name: agent.name,
      ...modelOf(servedBy(tenant, agent)),
      skills: allowedTo(servedBy(tenant, agent), skills).map(({ name }) => name),
    })),
    secrets: (written?.secrets ?? []).map(({ name, host, skills: of }) => ({
      name,
      host,
      skills: of ?? null,
    })),
    contacts: tenant.contacts ?? [],
  };
};

const modelOf = ({ provider, model }: Tenant) => ({ provider, model });

const spending = ({ month, spentUsd, reservedUsd }: Usage) => ({
  month,
  spent_usd: spentUsd,
  reserved_usd: reservedUsd,
});

type Further = ReturnType<typeof factsOf> & { readonly spending: ReturnType<typeof spending> };

const furtherWords = (facts: Further): readonly Section[] => {
  const { month, spent_usd, reserved_usd } = facts.spending;
  return [
    [
      "This month",
      `${month}: ${spent_usd} US dollars spent, ${reserved_usd} set aside for calls under way`,
    ],
    [
      "Skills known",
      ...facts.known_skills.map(({ name, risk, verdict }) => `${name} (${risk} risk): ${verdict}`),
    ],
    [
      "Agents",
      ...facts.agents.map(
        ({ name, provider, model, skills }) =>
          `@${name}: ${`${provider} ${model}`.trim()}; ${skills.join(", ") || "no skills"}`,
      ),
    ],
    [
      "Secrets",
      ...facts.secrets.map(
        ({ name, host, skills }) => `${name}: to ${host}, for ${skills?.join(", ") ?? "any skill"}`,
      ),
    ],
    ...(facts.contacts.length > 0 ? [["Contacts", facts.contacts.join(", ")] as const] : []),
  ];
};
