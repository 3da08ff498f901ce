import { agentModel } from "./agents.ts";
import { type Draft, itemsOf } from "./draft.ts";
import type { Environment } from "./interpolate.ts";
import { isPresetName, type Kind, PRESETS, type Region, type Wire } from "./presets.ts";
import type { SettingsPath } from "./problem.ts";
import type { Settings } from "./schema.ts";

/** A provider with everything that is needed to ask it. */
export interface ResolvedProvider {
  readonly name: string;
  readonly kind: Kind;
  readonly wire: Wire;
  readonly region: Region;
  /** Absent for what is built in. */
  readonly baseUrl?: string;
  readonly apiKey?: string;
  /** Without a key every turn must be refused. */
  readonly needsKey: boolean;
}

/** The provider called `name`; undefined when it is neither declared nor a preset. */
export const resolveProvider = (settings: Settings, name: string): ResolvedProvider | undefined => {
  const kind = kindOf(settings, name);
  if (kind === undefined) return undefined;
  const preset = PRESETS[kind];
  const declared = declaredIn(settings, name);
  const apiKey = declared?.api_key;
  const baseUrl = declared?.base_url ?? preset.baseUrl;
  return {
    name,
    kind,
    wire: preset.wire,
    region: declared?.region ?? preset.region,
    needsKey:
      preset.needsKey === "always" ||
      (preset.needsKey === "at baseUrl" && baseUrl === preset.baseUrl),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(apiKey && { apiKey }),
  };
};

/**
 * The declared providers and those that are only named, each with its kind, address, key and region
 * written out, so that nothing downstream looks at the environment or at the presets again.
 */
export const completeProviders = (
  settings: Settings,
  env: Environment,
): Settings["models"]["providers"] => {
  const names = new Set(Object.keys(settings.models.providers));
  for (const { provider } of modelRefs(settings)) names.add(provider);
  const complete: Record<string, Settings["models"]["providers"][string]> = {};
  for (const name of names) {
    const kind = kindOf(settings, name);
    if (kind === undefined) continue;
    const preset = PRESETS[kind];
    const declared = declaredIn(settings, name);
    const base_url = declared?.base_url ?? preset.baseUrl;
    const usual = preset.keyVariable === undefined ? undefined : env[preset.keyVariable];
    // The usual key goes to the usual address only: another one gets what was meant for it.
    const api_key = declared?.api_key || (declared?.base_url === undefined ? usual : undefined);
    complete[name] = {
      kind,
      region: declared?.region ?? preset.region,
      ...(base_url !== undefined && { base_url }),
      ...(api_key && { api_key }),
    };
  }
  return complete;
};

/** A place where a model is named. */
export interface ModelRef {
  /** Of the key that names the provider. */
  readonly path: SettingsPath;
  readonly provider: string;
  readonly model: string | undefined;
  /** Index of the tenant it belongs to; absent outside tenants. */
  readonly tenant?: number;
}

/** Every place where a provider is named to be asked something. */
export const modelRefs = (settings: Draft): readonly ModelRef[] => {
  const refs: ModelRef[] = [];
  for (const [tenant, { llm_config: llm, agents }] of itemsOf(settings.multi_tenant?.tenants)) {
    const base: SettingsPath = ["multi_tenant", "tenants", tenant];
    const add = (
      path: SettingsPath,
      ref: { provider?: string | undefined; model?: string | undefined } | undefined,
    ) => {
      if (ref?.provider === undefined) return;
      refs.push({
        path: [...base, ...path, "provider"],
        provider: ref.provider,
        model: ref.model,
        tenant,
      });
    };
    add(["llm_config"], llm);
    for (const [index, ref] of itemsOf(llm?.fallback)) add(["llm_config", "fallback", index], ref);
    add(["llm_config", "light"], llm?.light);
    add(["llm_config", "sensitive"], llm?.sensitive);
    add(["llm_config", "transcription"], llm?.transcription);
    for (const [index, agent] of itemsOf(agents)) add(["agents", index], agentModel(agent, llm));
  }
  for (const [index, { provider, model }] of itemsOf(settings.moderation?.classifiers)) {
    if (provider === undefined) continue;
    refs.push({ path: ["moderation", "classifiers", index, "provider"], provider, model });
  }
  return refs;
};

/** The kind of the provider called `name`; undefined when there is no such provider. */
export const kindOf = (settings: Draft, name: string): Kind | undefined => {
  const own = isPresetName(name) ? name : undefined;
  return declaredIn(settings, name)?.kind ?? own;
};

/** Where data goes that is sent to the provider called `name`. */
export const regionOf = (settings: Draft, name: string): Region | undefined => {
  const kind = kindOf(settings, name);
  return declaredIn(settings, name)?.region ?? (kind && PRESETS[kind].region);
};

const declaredIn = (settings: Draft, name: string) => {
  const providers = settings.models?.providers;
  return providers && Object.hasOwn(providers, name) ? providers[name] : undefined;
};
