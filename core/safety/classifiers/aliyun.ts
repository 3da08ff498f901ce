import { createHmac, randomUUID } from "node:crypto";
import { z } from "zod";
import { askJson, ClassifierError } from "./ask-json.ts";
import type { Classifier } from "./classifier.ts";

export interface CloudAccount {
  readonly keyId: string;
  readonly keySecret: string;
  /** The cloud's own name for the place, e.g. `cn-shanghai`. */
  readonly cloudRegion?: string | undefined;
  /** Absent = the cloud's usual address. */
  readonly baseUrl?: string | undefined;
  readonly now: () => Date;
}

const answerSchema = z.object({
  Code: z.literal(200),
  Data: z.object({
    RiskLevel: z.enum(["none", "low", "medium", "high"]),
    Result: z.array(z.object({ Label: z.string().optional() })).optional(),
  }),
});
const ACTIONS = { none: "allow", low: "allow", medium: "review", high: "block" } as const;

/**
 * Alibaba Cloud's content moderation for large language models.
 * @see https://help.aliyun.com/document_detail/2671445.html
 */
export const createAliyunClassifier = (account: CloudAccount): Classifier => {
  const { keyId, keySecret, cloudRegion = "cn-shanghai", now } = account;
  const { baseUrl = `https://green-cip.${cloudRegion}.aliyuncs.com` } = account;
  return {
    name: "aliyun",
    region: cloudRegion.startsWith("cn-") && cloudRegion !== "cn-hongkong" ? "cn" : "overseas",
    maxUnits: 2000,
    classify: async (text, { signal }) => {
      const parameters = {
        Format: "JSON",
        Version: "2022-03-02",
        AccessKeyId: keyId,
        SignatureMethod: "HMAC-SHA1",
        SignatureVersion: "1.0",
        SignatureNonce: randomUUID(),
        Timestamp: now()
          .toISOString()
          .replace(/\.\d+Z$/, "Z"),
        Action: "TextModerationPlus",
        Service: "llm_query_moderation",
        ServiceParameters: JSON.stringify({ content: text }),
      };
      const Signature = signAliyun("POST", parameters, keySecret);
      const body = new URLSearchParams({ ...parameters, Signature }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const answer = answerSchema.safeParse(
        await askJson("aliyun", baseUrl, { headers, body }, signal.abortSignal),
      );
      if (!answer.success) throw new ClassifierError("aliyun", "an answer of another form");
      const { RiskLevel, Result = [] } = answer.data.Data;
      const action = ACTIONS[RiskLevel];
      const labels = action === "allow" ? [] : Result.flatMap(({ Label }) => Label ?? []);
      return { action, labels };
    },
  };
};

/**
 * The signature of an RPC request.
 * @see https://help.aliyun.com/document_detail/30563.html
 */
export const signAliyun = (
  method: "GET" | "POST",
  parameters: Readonly<Record<string, string>>,
  secret: string,
): string => {
  const canonical = Object.entries(parameters)
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("&");
  const text = `${method}&${percentEncode("/")}&${percentEncode(canonical)}`;
  return createHmac("sha1", `${secret}&`).update(text).digest("base64");
};

const percentEncode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
