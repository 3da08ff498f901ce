import { AttachmentError } from "../core/contract/errors.ts";

/**
 * The body of a platform's answer, cut off with an AttachmentError once it has more than `maxBytes`,
 * at once where its length is announced.
 * @param what what was asked for, as errors name it
 */
export const cappedBody = async (
  response: Response,
  maxBytes: number,
  what: string,
): Promise<ReadableStream<Uint8Array>> => {
  const tooLarge = () => new AttachmentError("too_large", `${what}: more than ${maxBytes} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge();
  }
  if (!response.body) throw new AttachmentError("unreachable", `${what}: no body`);
  let received = 0;
  return response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        received += chunk.byteLength;
        if (received <= maxBytes) controller.enqueue(chunk);
        else controller.error(tooLarge());
      },
    }),
  );
};
