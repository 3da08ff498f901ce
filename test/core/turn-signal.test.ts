import { expect, it } from "vitest";
import { TurnSignal } from "../../core/turn-signal.ts";

it("says that it was aborted and why, to who asks and to who listens, before and after", () => {
  const signal = new TurnSignal();
  const heard: unknown[] = [];
  const { abortSignal } = signal;
  abortSignal.addEventListener("abort", () => heard.push(abortSignal.reason));
  expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
  signal.throwIfAborted();

  const reason = new Error("/stop");
  signal.abort(reason);
  signal.abort(new Error("a later one"));
  expect([signal.aborted, signal.reason, heard]).toEqual([true, reason, [reason]]);
  expect(signal.abortSignal).toMatchObject({ aborted: true, reason });
  expect(() => signal.throwIfAborted()).toThrow(reason);
});

it("is aborted for who listens no sooner than afterwards, and without a reason as Node does", () => {
  const signal = new TurnSignal();
  signal.abort();
  expect(signal.abortSignal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ name: "AbortError" });
});
