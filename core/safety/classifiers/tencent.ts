import { createHash, createHmac } from "node:crypto";
import { z } from "zod";
import type { CloudAccount } from "./aliyun.ts";
import { askJson, ClassifierError } from "./ask-json.ts";
import type { Classifier } from "./classifier.ts";

const answerSchema = z.object({
  Response: z.object({ Suggestion: z.enum(["Pass", "Review", "Block"]), Label: z.string() }),
});
const ACTIONS = { Pass: "allow", Review: "review", Block: "block" } as const;
const MAINLAND = /^ap-(?:guangzhou|shanghai|nanjing|beijing|chengdu|chongqing|tianjin|shenzhen)/;

/**
 * Tencent Cloud's text moderation.
 * @see https://cloud.tencent.com/document/api/1124/51860
 */
export const createTencentClassifier = (account: CloudAccount): Classifier => {
  const { keyId, keySecret, cloudRegion = "ap-guangzhou", now } = account;
  const { baseUrl = "https://tms.tencentcloudapi.com" } = account;
  return {
    name: "tencent",
    region: MAINLAND.test(cloudRegion) ? "cn" : "overseas",
    maxUnits: 10_000,
    classify: async (text, { signal }) => {
      const body = JSON.stringify({ Content: Buffer.from(text).toString("base64") });
      const timestamp = Math.floor(now().getTime() / 1000);
      const host = new URL(baseUrl).host;
      const request = { service: "tms", host, timestamp, body };
      const headers = {
        "content-type": CONTENT_TYPE,
        authorization: signTencent(request, { keyId, keySecret }),
        "x-tc-action": "TextModeration",
        "x-tc-version": "2020-12-29",
        "x-tc-timestamp": String(timestamp),
        "x-tc-region": cloudRegion,
      };
      const answer = answerSchema.safeParse(
        await askJson("tencent", baseUrl, { headers, body }, signal.abortSignal),
      );
      if (!answer.success) throw new ClassifierError("tencent", "an answer of another form");
      const { Suggestion, Label } = answer.data.Response;
      const action = ACTIONS[Suggestion];
      return { action, labels: action === "allow" ? [] : [Label] };
    },
  };
};

const CONTENT_TYPE = "application/json; charset=utf-8";

/** A request to be signed; `timestamp` in seconds. */
interface TencentRequest {
  readonly service: string;
  readonly host: string;
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The Authorization header of a request, TC3-HMAC-SHA256.
 * @see https://cloud.tencent.com/document/api/213/30654
 */
export const signTencent = (
  { service, host, timestamp, body }: TencentRequest,
  { keyId, keySecret }: Pick<CloudAccount, "keyId" | "keySecret">,
): string => {
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10);
  const signed = "content-type;host";
  const headers = `content-type:${CONTENT_TYPE}\nhost:${host}\n`;
  const canonical = ["POST", "/", "", headers, signed, sha256(body)].join("\n");
  const scope = `${date}/${service}/tc3_request`;
  const text = ["TC3-HMAC-SHA256", timestamp, scope, sha256(canonical)].join("\n");
  const key = hmac(hmac(hmac(`TC3${keySecret}`, date), service), "tc3_request");
  const signature = hmac(key, text).toString("hex");
  return `TC3-HMAC-SHA256 Credential=${keyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
};

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();
