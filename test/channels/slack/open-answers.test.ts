import { expect, it, vi } from "vitest";
import { createOpenAnswers, keyOf } from "../../../channels/slack/open-answers.ts";
import { memoryState } from "../../fakes/channel-state.ts";

const target = { teamId: "T1", channelId: "C1", replyTo: "T1/C1/1.1" };
const answer = { at: 1, ts: "2.2" };

it("keep nothing in memory of an answer that has arrived; the next process still finds it", async () => {
  const state = memoryState();
  const answers = createOpenAnswers(state, true);
  // What was left by an earlier process is not known before it was asked for.
  expect(answers.hasNone(keyOf(target))).toBe(false);
  await answers.begin(target, { at: 1 });
  await answers.put(target, answer);
  expect(answers.hasNone(keyOf(target))).toBe(false);
  expect(await answers.get(target)).toEqual(answer);
  await answers.put(target, { ...answer, part: "7.0" });
  const get = vi.spyOn(state, "get");
  expect(await answers.get(target)).toBeUndefined();
  // What it has no key of it does not look for.
  expect(get).not.toHaveBeenCalled();
  expect(answers.hasNone(keyOf(target))).toBe(true);
  const next = createOpenAnswers(state, true);
  expect(await next.get(target)).toEqual({ ...answer, part: "7.0" });
});

it("never say that there is none where other processes may begin one", async () => {
  const answers = createOpenAnswers(memoryState(), false);
  expect(await answers.get(target)).toBeUndefined();
  expect(answers.hasNone(keyOf(target))).toBe(false);
});
