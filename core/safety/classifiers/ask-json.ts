import { GatewayError } from "../../contract/errors.ts";

/** A classifier gave no judgement. The message names it and the status; never the text or a key. */
export class ClassifierError extends GatewayError {
  override readonly name = "ClassifierError";
  constructor(classifier: string, why: string) {
    super("CLASSIFIER_UNAVAILABLE", `classifier ${classifier}: ${why}`);
  }
}

const MAX_BYTES = 1024 * 1024;

/** Posts to a classifier and reads its answer as JSON. Throws ClassifierError. */
export const askJson = async (
  name: string,
  url: string,
  init: { readonly headers: Record<string, string>; readonly body: string },
  signal: AbortSignal,
): Promise<unknown> => {
  try {
    // A redirect could carry the text to another region than the one that was chosen.
    const response = await fetch(url, { ...init, method: "POST", redirect: "error", signal });
    const text = await readCapped(response);
    if (!response.ok) throw new ClassifierError(name, `HTTP ${response.status}`);
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof ClassifierError) throw cause;
    // No `cause`: what the server said may repeat the text.
    throw new ClassifierError(name, "no connection, or an answer that is none");
  }
};

const readCapped = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new RangeError("too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};
