import { createTenantIndex } from "../config/tenant.ts";
import { servedBy } from "../core/named-agents.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import { allowedTo } from "./allowed-skills.ts";
import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { noTenant } from "./no-tenant.ts";
import { skillFolders } from "./skill-folders.ts";
import { table } from "./table.ts";

export interface AgentOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tenant?: string | undefined;
}

/** Lists agents. 0 also when there are none, 1 there is no such tenant. */
export const list = async (io: Io, options: AgentOptions): Promise<number> => {
  const { settings: path, tenant: only, json } = options;
  const loaded = lookAtSettings(io, path);
  const { tenants } = loaded.settings.multi_tenant;
  if (only !== undefined && !tenants.some(({ id }) => id === only)) {
    return noTenant(io, options, loaded, only);
  }
  const index = createTenantIndex(loaded.settings);
  const { skills } = await loadCatalogue(skillFolders(loaded.settings));
  const agents = tenants
    .filter(({ id }) => only === undefined || id === only)
    .flatMap(({ id }) => index.get(id) ?? [])
    .flatMap((tenant) =>
      tenant.agents.map((agent, at) => {
        const of = servedBy(tenant, agent);
        return {
          tenant: tenant.id,
          name: agent.name,
          is_default: at === 0,
          provider: of.provider,
          model: of.model,
          region: of.region,
          skills: allowedTo(of, skills).map(({ name }) => name),
        };
      }),
    );
  if (json) io.stdout.write(`${JSON.stringify({ agents })}\n`);
  else if (agents.length === 0) io.stdout.write("no agents: each tenant answers by itself\n");
  else {
    io.stdout.write(
      table([
        ["TENANT", "AGENT", "MODEL", "REGION", "SKILLS"],
        ...agents.map((agent) => [
          ...[agent.tenant, `@${agent.name}${agent.is_default ? " (default)" : ""}`],
          ...[`${agent.provider} ${agent.model}`.trim(), agent.region],
          agent.skills.join(", ") || "none",
        ]),
      ]),
    );
  }
  return 0;
};
