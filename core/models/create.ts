import type { ResolvedProvider } from "../../config/providers.ts";
import { ModelError } from "../contract/errors.ts";
import type { ModelProvider } from "../contract/model.ts";
import { createAnthropicProvider } from "./anthropic.ts";
import { createEchoProvider } from "./echo.ts";
import { createOpenAiProvider } from "./openai.ts";
import { createRulesProvider } from "./rules.ts";

/** The provider; one that cannot work answers every turn with a ModelError that says why. */
export const createProvider = (resolved: ResolvedProvider): ModelProvider => {
  const { name, kind, wire, baseUrl, apiKey, needsKey } = resolved;
  if (wire === "rules") return createRulesProvider(name);
  if (wire === "echo") return createEchoProvider(name);
  if (baseUrl === undefined) return createUnavailable(name, "no base_url is set");
  if (needsKey && !apiKey) return createUnavailable(name, "no api_key is set");
  if (wire === "anthropic") {
    return createAnthropicProvider({ name, baseUrl, ...(apiKey && { apiKey }) });
  }
  return createOpenAiProvider({
    name,
    baseUrl,
    ...(apiKey && { apiKey }),
    outputLimitKey: kind === "openai" ? "max_completion_tokens" : "max_tokens",
  });
};

const createUnavailable = (name: string, reason: string): ModelProvider => ({
  name,
  generate: async () => {
    throw new ModelError("MODEL_UNAVAILABLE", `provider ${name} cannot be used: ${reason}`, {
      isUnbilled: true,
    });
  },
});
