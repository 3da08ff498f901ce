import { UnusableAnswerError } from "./failure.ts";

const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/**
 * The fetch that models are asked with. It waits as long as its signal lets it (the built-in one
 * gives up after five minutes without a byte), follows no redirect, since that could carry the
 * user's text to another region than the one that was chosen, and reads at most 8 MiB.
 */
export const modelFetch = async (): Promise<typeof globalThis.fetch> => {
  const { Agent, fetch } = await import("undici");
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  // The same function as the built-in one, declared a second time by its package.
  const same = fetch as unknown as (input: unknown, init: object) => Promise<Response>;
  return async (input, init) =>
    capped(await same(input, { ...init, redirect: "error", dispatcher }));
};

/** A broken or hostile server must not fill the memory until the deadline. */
const capped = (response: Response): Response => {
  if (response.body === null) return response;
  let received = 0;
  const cap = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      received += chunk.byteLength;
      if (received <= MAX_RESPONSE_BYTES) controller.enqueue(chunk);
      else controller.error(new UnusableAnswerError(`more than ${MAX_RESPONSE_BYTES} bytes`));
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(cap), { status, statusText, headers });
};
