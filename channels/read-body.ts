import type { IncomingMessage } from "node:http";
import { PayloadError } from "../core/contract/errors.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** From the first look at the body until its last byte. */
  readonly timeoutMs: number;
}

/**
 * The exact bytes of a request's body. Throws PayloadError when it is compressed (415), longer than
 * allowed, counted as it arrives (413), or slow (408), and when the sender hangs up (400).
 */
export const readBody = async (
  request: IncomingMessage,
  channel: string,
  limits: BodyLimits,
): Promise<Buffer> => {
  const { "content-encoding": encoding, "content-length": length } = request.headers;
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity") {
    throw new PayloadError(channel, "content encoding", 415);
  }
  const tooLong = () => new PayloadError(channel, `body longer than ${limits.maxBytes} bytes`, 413);
  if (Number(length ?? 0) > limits.maxBytes) throw tooLong();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
      // A stream without listeners must not throw, nor flow on into memory.
      request.on("error", () => {}).pause();
      settle();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.maxBytes) end(() => reject(tooLong()));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(() => resolve(Buffer.concat(chunks)));
    const onBroken = (): void =>
      end(() => reject(new PayloadError(channel, "the sender hung up before the body's end")));
    const timer = setTimeout(
      () => end(() => reject(new PayloadError(channel, "body too slow", 408))),
      limits.timeoutMs,
    );
    request.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
  });
};
