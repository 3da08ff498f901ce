import type { Partially } from "./draft.ts";
import type { Settings } from "./schema.ts";

type TenantSettings = Settings["multi_tenant"]["tenants"][number];
type AgentSettings = NonNullable<TenantSettings["agents"]>[number];

/** OpenClaw's name for its default agent. */
const OPENCLAW_MODEL = "openclaw";

/** The model that an agent asks; undefined when it is the tenant's own. */
export const agentModel = (
  { kind, provider, model }: Partially<AgentSettings>,
  llm: Partially<TenantSettings["llm_config"]>,
): { readonly provider: string; readonly model: string | undefined } | undefined => {
  if (kind === "openclaw") return { provider: provider ?? kind, model: model ?? OPENCLAW_MODEL };
  if (provider === undefined && model === undefined) return undefined;
  const asked = provider ?? llm?.provider;
  if (asked === undefined) return undefined;
  // Another provider does not know the tenant's model.
  return { provider: asked, model: model ?? (asked === llm?.provider ? llm.model : undefined) };
};
