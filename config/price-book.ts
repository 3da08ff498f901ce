import { PRESETS } from "./presets.ts";
import { LIST_PRICES } from "./prices.ts";
import { type ResolvedProvider, resolveProvider } from "./providers.ts";
import type { Settings } from "./schema.ts";

/** What a model costs, in US dollars per million tokens; or what is missing to know it. */
export type Price =
  | { readonly kind: "known"; readonly usdPerMillion: Rates }
  /** E.g. `no price of openai/gpt-9 on 2026-03-01`. */
  | { readonly kind: "unknown"; readonly missing: string };

interface Rates {
  readonly input: number;
  readonly output: number;
}

/** Prices by provider, model and day: the settings' own, else the vendors' lists. */
export interface PriceBook {
  priceOf(provider: string, model: string, at: Date): Price;
}

interface Entry {
  readonly currency: string;
  readonly validFrom: string;
  readonly input: number;
  readonly output: number;
}

const FREE: Price = { kind: "known", usdPerMillion: { input: 0, output: 0 } };

export const createPriceBook = (settings: Settings): PriceBook => {
  const own = settings.models.prices ?? [];
  const rates = settings.models.exchange_rates ?? {};
  const entries = new Map<string, readonly Entry[]>();

  const entriesOf = (resolved: ResolvedProvider, model: string): readonly Entry[] => {
    const key = JSON.stringify([resolved.name, model]);
    const known = entries.get(key);
    if (known) return known;
    const found = [...listed(resolved, model), ...declared(own, resolved.name, model)];
    entries.set(key, found);
    return found;
  };

  return {
    priceOf: (provider, model, at) => {
      const resolved = resolveProvider(settings, provider);
      if (resolved?.wire === "rules" || resolved?.wire === "echo") return FREE;
      const day = at.toISOString().slice(0, 10);
      // What the settings say comes last and so wins over a list's, whatever its day.
      const entry = (resolved ? entriesOf(resolved, model) : []).findLast(
        ({ validFrom }) => validFrom <= day,
      );
      if (!entry) return { kind: "unknown", missing: `no price of ${provider}/${model} on ${day}` };
      const { currency, input, output } = entry;
      const usd = currency === "USD" ? 1 : Object.hasOwn(rates, currency) && rates[currency];
      if (!usd) return { kind: "unknown", missing: `no exchange rate of ${currency}` };
      return { kind: "known", usdPerMillion: { input: input * usd, output: output * usd } };
    },
  };
};

/** The settings' prices of a model, oldest first. */
const declared = (
  prices: NonNullable<Settings["models"]["prices"]>,
  provider: string,
  model: string,
): readonly Entry[] =>
  prices
    .filter((price) => price.provider === provider && price.model === model)
    .map(({ currency, valid_from, input_per_million, output_per_million }) => ({
      currency,
      validFrom: valid_from,
      input: input_per_million,
      output: output_per_million,
    }))
    .sort(byDay);

/** The vendor's list, oldest first; whoever resells the model under another address has his own. */
const listed = ({ kind, baseUrl }: ResolvedProvider, model: string): readonly Entry[] =>
  baseUrl !== PRESETS[kind].baseUrl
    ? []
    : LIST_PRICES.filter((price) => price.kind === kind && price.model === model)
        .map(({ currency, validFrom, inputPerMillion, outputPerMillion }) => ({
          currency,
          validFrom,
          input: inputPerMillion,
          output: outputPerMillion,
        }))
        .sort(byDay);

const byDay = (one: Entry, other: Entry): number => (one.validFrom < other.validFrom ? -1 : 1);
