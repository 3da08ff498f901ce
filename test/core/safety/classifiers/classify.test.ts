import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it, vi } from "vitest";
import type { Classifier } from "../../../../core/safety/classifiers/classifier.ts";
import { classify } from "../../../../core/safety/classifiers/classify.ts";
import { textContext } from "../../../fakes/turn.ts";

afterEach(() => void vi.useRealTimers());

it("gives up a classifier that never answers after half a minute, also when memory was tidied up", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const silent: Classifier = {
    ...{ name: "silent", region: "on-prem", maxUnits: 1_000 },
    classify: (_text, { signal }) =>
      new Promise((_, reject) => {
        signal.abortSignal.addEventListener("abort", () => reject(new Error("gone")));
      }),
  };
  const judged = classify("hello", [silent], () => true, textContext(""));
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  await vi.advanceTimersByTimeAsync(30_000);
  expect((await judged).unavailable).toEqual([{ name: "silent", reason: "a fault" }]);
});
