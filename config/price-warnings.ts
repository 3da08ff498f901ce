import { createPriceBook } from "./price-book.ts";
import type { SettingsPath } from "./problem.ts";
import { modelRefs } from "./providers.ts";
import type { Report } from "./report.ts";
import type { Settings } from "./schema.ts";

/** Says which models a tenant with a budget cannot ask, because it is not known what they cost. */
export const warnAboutPrices = (settings: Settings, today: Date, report: Report): void => {
  const prices = createPriceBook(settings);
  const seen = new Set<string>();
  for (const { path, provider, model, tenant } of modelRefs(settings)) {
    const owner = tenant === undefined ? undefined : settings.multi_tenant.tenants[tenant];
    if (owner?.max_api_budget_monthly_usd === undefined || isNotAsked(path)) continue;
    const price = prices.priceOf(provider, model ?? "", today);
    const key = JSON.stringify([owner.id, provider, model]);
    if (price.kind === "known" || seen.has(key)) continue;
    seen.add(key);
    report.warn(
      path,
      `${price.missing}: asking it is refused (PRICE_UNKNOWN), because tenant ${owner.id} has a budget`,
    );
  }
};

// Voice is not transcribed yet.
const isNotAsked = (path: SettingsPath): boolean => path.at(-2) === "transcription";
