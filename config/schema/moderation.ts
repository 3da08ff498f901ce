import { z } from "zod";
import { localPath, secret, text, url } from "./marks.ts";

const classifierSchema = z.strictObject({
  kind: z
    .enum(["openai", "llm", "aliyun", "tencent"])
    .describe(
      "`openai` = its moderation endpoint, `llm` = a model that judges by a fixed rubric, or a cloud's service.",
    ),
  provider: text().optional().describe("Name of a provider; for `openai` and `llm`."),
  model: text().optional().describe("Model of that provider; for `openai` and `llm`."),
  key_id: text().optional().describe("Access key id; for `aliyun` and `tencent`."),
  key_secret: secret(text()).optional().describe("Access key secret; for `aliyun` and `tencent`."),
  base_url: url(["https", "http"])
    .optional()
    .describe("Address of the cloud's service; absent = its usual one."),
  cloud_region: text()
    .optional()
    .describe("The cloud's own region, e.g. `cn-shanghai` or `ap-guangzhou`."),
});

/** Words and topics that are blocked, reviewed or masked. */
export const moderationSchema = z
  .strictObject({
    required: z
      .boolean()
      .optional()
      .describe("Refuse when a classifier cannot be asked; absent = go on, on record."),
    lexicons: z
      .array(
        z.strictObject({
          name: text().describe("Name that tenants refer to."),
          file: localPath(text()).describe("JSON file with the terms."),
        }),
      )
      .optional()
      .describe("Lists of terms."),
    classifiers: z
      .array(classifierSchema)
      .optional()
      .describe("Services that judge every text of every tenant whose residency lets them."),
  })
  .describe("Words and topics that are blocked, reviewed or masked.");
