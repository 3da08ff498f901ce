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
  // What came in one piece with the head has been taken from it once this goes on.
  await undefined;
  if (request.readableLength === Number(length)) return (request.read() as Buffer | null) ?? EMPTY;
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const fail = (error: PayloadError): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      // What nobody reads must not flow on into memory.
      request.off("data", onData).pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.maxBytes) fail(tooLong());
      else chunks.push(chunk);
    };
    // Stays when all is over, which is when most streams close: without a listener, errors are thrown.
    const onBroken = (): void => {
      if (!isOver) fail(hungUp(channel));
    };
    const timer = setTimeout(
      () => fail(new PayloadError(channel, "body too slow", 408)),
      limits.timeoutMs,
    );
    request.on("data", onData).on("error", onBroken).on("close", onBroken);
    request.on("end", () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      const [first] = chunks;
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks));
    });
  });
};

const EMPTY = Buffer.alloc(0);

const hungUp = (channel: string): PayloadError =>
  new PayloadError(channel, "the sender hung up before the body's end");
