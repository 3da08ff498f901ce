import type { ResolvedProvider } from "../../../config/providers.ts";
import type { Settings } from "../../../config/schema.ts";
import type { Models } from "../../models/ask.ts";
import { createAliyunClassifier } from "./aliyun.ts";
import type { Classifier } from "./classifier.ts";
import { createJudge } from "./judge.ts";
import { createOpenAiClassifier } from "./openai.ts";
import { createTencentClassifier } from "./tencent.ts";

type ClassifierSettings = NonNullable<NonNullable<Settings["moderation"]>["classifiers"]>[number];

/**
 * Builds the classifiers that the settings name. The settings were checked: nothing is missing.
 * @param models asks those that are models
 */
export const createClassifiers = (
  settings: readonly ClassifierSettings[],
  providers: ReadonlyMap<string, ResolvedProvider>,
  models: Models,
  now: () => Date = () => new Date(),
): readonly Classifier[] =>
  settings.map((entry) => {
    const { kind, key_id: keyId = "", key_secret: keySecret = "", model = "" } = entry;
    const account = { keyId, keySecret, cloudRegion: entry.cloud_region, baseUrl: entry.base_url };
    if (kind === "aliyun") return createAliyunClassifier({ ...account, now });
    if (kind === "tencent") return createTencentClassifier({ ...account, now });
    const provider = providers.get(entry.provider ?? "");
    if (!provider) throw new Error(`moderation.classifiers: no provider ${entry.provider}`);
    return kind === "openai"
      ? createOpenAiClassifier(provider, model)
      : createJudge(models, { provider: provider.name, model, region: provider.region });
  });
