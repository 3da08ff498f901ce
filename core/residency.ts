import type { Region } from "../config/presets.ts";
import { RESIDENCY } from "../config/residency.ts";
import type { Tenant } from "../config/tenant.ts";

/**
 * Where data of a turn may go. Whoever sends any of it out of the gateway, to a model, a classifier
 * or an exporter, asks this and nothing else. With personal data in it: on-prem, and the region of
 * the model that the tenant named for such turns; without such a model as any other turn, since what
 * is personal has been redacted by then.
 */
export const allowedRegions = ({
  tenant,
  isSensitive = false,
}: {
  readonly tenant: Pick<Tenant, "dataResidency" | "sensitive">;
  readonly isSensitive?: boolean | undefined;
}): ReadonlySet<Region> => {
  const { dataResidency, sensitive } = tenant;
  const allowed: readonly Region[] = RESIDENCY[dataResidency];
  if (!isSensitive || !sensitive) return new Set(allowed);
  return new Set(allowed.filter((region) => region === "on-prem" || region === sensitive.region));
};
