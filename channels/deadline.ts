/** A signal that aborts after a time or with its parent; `clear` when the work is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  clear(): void;
}

/**
 * In place of AbortSignal.any and AbortSignal.timeout: on Node 20 the former keeps growing a
 * long-lived parent, and both together may be collected before they fire.
 */
export const createDeadline = (ms: number, parent: AbortSignal | undefined): Deadline => {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, Math.max(0, ms));
  parent?.addEventListener("abort", abort, { once: true });
  if (parent?.aborted) abort();
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      parent?.removeEventListener("abort", abort);
    },
  };
};
