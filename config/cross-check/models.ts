import { isIP } from "node:net";
import { type Draft, itemsOf } from "../draft.ts";
import { PRESETS } from "../presets.ts";
import { kindOf, modelRefs, regionOf } from "../providers.ts";
import type { Report } from "../report.ts";
import { RESIDENCY } from "../residency.ts";
import { suggest } from "../suggest.ts";

/** Every provider that is named exists, and no tenant names a model outside its data residency. */
export const checkModels = (draft: Draft, report: Report): void => {
  const declared = draft.models?.providers ?? {};
  const known = [...Object.keys(declared), ...Object.keys(PRESETS)];
  for (const [name, provider] of Object.entries(declared)) {
    const path = ["models", "providers", name];
    const kind = kindOf(draft, name);
    // A provider that is wrong in itself has been reported already.
    if (provider === undefined) continue;
    if (kind === undefined) {
      report.problem([...path, "kind"], "nothing", `one of ${Object.keys(PRESETS).join(", ")}`);
    } else if ((name === "rules" || name === "echo") && kind !== name) {
      report.problem([...path, "kind"], kind, `${name}, which is what this name stands for`);
    } else if (isOnPremByAssumption(provider.region, provider.base_url, kind)) {
      report.warn(
        [...path, "region"],
        `absent: taken as on-prem, as usual for ${kind}, though the address is not a private one`,
      );
    }
  }

  for (const { path, provider, model, tenant } of modelRefs(draft)) {
    const isDeclared = Object.hasOwn(declared, provider);
    if (!isDeclared && kindOf(draft, provider) === undefined) {
      const meant = suggest(provider, known);
      report.problem(
        path,
        `${JSON.stringify(provider)}, a provider that does not exist`,
        meant === undefined
          ? "a name under models.providers, or of a preset"
          : `${meant} (did you mean it?)`,
      );
      continue;
    }
    if (tenant === undefined) continue;
    const llm = draft.multi_tenant?.tenants?.[tenant]?.llm_config;
    const residency = llm?.data_residency ?? "any";
    const region = regionOf(draft, provider);
    const allowed: readonly string[] = RESIDENCY[residency];
    if (region !== undefined && !allowed.includes(region)) {
      report.problem(
        path,
        `provider ${provider} in region ${region}`,
        `a provider in region ${allowed.join(" or ")} (data_residency: ${residency})`,
      );
    }
    const kind = kindOf(draft, provider);
    const needsModel = path.at(-2) === "llm_config" || path.at(-3) === "agents";
    if (
      needsModel &&
      model === undefined &&
      kind !== undefined &&
      kind !== "rules" &&
      kind !== "echo"
    ) {
      report.problem([...path.slice(0, -1), "model"], "nothing", `a model of provider ${provider}`);
    }
  }

  const rates = draft.models?.exchange_rates ?? {};
  for (const [index, price] of itemsOf(draft.models?.prices)) {
    const path = ["models", "prices", index];
    if (price.provider !== undefined && !known.includes(price.provider)) {
      report.warn([...path, "provider"], `${price.provider} is no provider: the price is not used`);
    }
    if (
      price.currency !== undefined &&
      price.currency !== "USD" &&
      !Object.hasOwn(rates, price.currency)
    ) {
      report.warn(
        [...path, "currency"],
        `models.exchange_rates has no ${price.currency}: the price is not used`,
      );
    }
  }
};

const isOnPremByAssumption = (
  region: string | undefined,
  baseUrl: string | undefined,
  kind: keyof typeof PRESETS,
): boolean => {
  if (region !== undefined || baseUrl === undefined || PRESETS[kind].region !== "on-prem")
    return false;
  if (!URL.canParse(baseUrl)) return false;
  const host = new URL(baseUrl).hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 4) return !/^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
  if (isIP(host) === 6) return !/^(::1$|f[cd])/i.test(host);
  return host.includes(".") && !/\.(internal|local|localhost|lan|home\.arpa|svc)$/.test(host);
};
