import { z } from "zod";
import type { ResolvedProvider } from "../../../config/providers.ts";
import { askJson, ClassifierError } from "./ask-json.ts";
import type { Classifier } from "./classifier.ts";

const answerSchema = z.object({
  results: z
    .array(z.object({ flagged: z.boolean(), categories: z.record(z.string(), z.unknown()) }))
    .min(1),
});

/**
 * OpenAI's moderation endpoint, or one that speaks like it: what it flags is blocked.
 * @see https://platform.openai.com/docs/api-reference/moderations
 */
export const createOpenAiClassifier = (
  { name: provider, region, baseUrl, apiKey, needsKey }: ResolvedProvider,
  model: string,
): Classifier => {
  const name = `${provider} ${model}`;
  return {
    name,
    region,
    maxUnits: 20_000,
    classify: async (text, { signal }) => {
      if (baseUrl === undefined) throw new ClassifierError(name, "no base_url is set");
      if (needsKey && !apiKey) throw new ClassifierError(name, "no api_key is set");
      const headers = {
        "content-type": "application/json",
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      };
      const body = JSON.stringify({ model, input: text });
      const url = `${baseUrl.replace(/\/$/, "")}/moderations`;
      const answer = answerSchema.safeParse(
        await askJson(name, url, { headers, body }, signal.abortSignal),
      );
      if (!answer.success) throw new ClassifierError(name, "an answer of another form");
      const flagged = answer.data.results.filter((result) => result.flagged);
      const labels = flagged.flatMap(({ categories }) =>
        Object.keys(categories).filter((category) => categories[category] === true),
      );
      return { action: flagged.length > 0 ? "block" : "allow", labels: [...new Set(labels)] };
    },
  };
};
