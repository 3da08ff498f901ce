import { z } from "zod";
import { later, localPath, text } from "./marks.ts";

/** Words and topics that are blocked, reviewed or masked. */
export const moderationSchema = z
  .strictObject({
    required: later(z.boolean()).optional().describe("Refuse when moderation is unreachable."),
    lexicons: later(
      z.array(
        z.strictObject({
          name: text().describe("Name that tenants refer to."),
          file: localPath(text()).describe("JSON file with the terms."),
        }),
      ),
    )
      .optional()
      .describe("Lists of terms."),
    classifiers: later(
      z.array(
        z.strictObject({
          kind: z.literal("openai").describe("Protocol of the classifier."),
          provider: text().describe("Name of a provider."),
          model: text().describe("Model of that provider."),
        }),
      ),
    )
      .optional()
      .describe("Models that judge a text."),
  })
  .describe("Words and topics that are blocked, reviewed or masked.");
