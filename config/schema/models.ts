import { z } from "zod";
import { KINDS } from "../presets.ts";
import { secret, text, textLike, url } from "./marks.ts";

const providerSchema = z.strictObject({
  kind: z
    .enum(KINDS)
    .optional()
    .describe("Preset that this provider follows; may be left out when the name is a preset's."),
  base_url: url(["https", "http"])
    .optional()
    .describe("Address of the API; absent = the preset's."),
  api_key: secret(z.string())
    .meta({ mayLackFile: true })
    .optional()
    .describe("API key; absent = the preset's usual variable, unless `base_url` is changed."),
  region: z
    .enum(["on-prem", "cn", "overseas"])
    .optional()
    .describe("Where the data goes; absent = the preset's."),
});

const priceSchema = z.strictObject({
  provider: text().describe("Name of a provider."),
  model: text().describe("Model of that provider."),
  currency: textLike("currency code, e.g. USD", (value) => /^[A-Z]{3}$/.test(value)).describe(
    "Currency of the two prices.",
  ),
  valid_from: textLike("date, e.g. 2026-01-31", (value) => {
    const at = new Date(`${value}T00:00:00Z`);
    return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === value;
  }).describe("First day (UTC) of these prices."),
  input_per_million: z.number().min(0).max(1_000_000).describe("Price of a million input tokens."),
  output_per_million: z
    .number()
    .min(0)
    .max(1_000_000)
    .describe("Price of a million output tokens."),
});

/** The models that tenants may ask. */
export const modelsSchema = z
  .strictObject({
    providers: z
      .record(
        textLike("provider name: letters, digits, - and _", (value) =>
          /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(value),
        ),
        providerSchema,
      )
      .default({})
      .describe("The providers by name; presets and `rules` and `echo` need no entry."),
    prices: z.array(priceSchema).optional().describe("Prices that override the shipped table."),
    exchange_rates: z
      .record(
        textLike("currency code, e.g. CNY", (value) => /^[A-Z]{3}$/.test(value)),
        z.number().positive().max(1_000_000),
      )
      .optional()
      .describe("US dollars for one unit of a currency."),
  })
  .describe("The models that tenants may ask.");
