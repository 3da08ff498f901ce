import { expect, it, vi } from "vitest";
import { createOpenAnswers } from "../../../channels/slack/open-answers.ts";
import { memoryState } from "../../fakes/channel-state.ts";

const target = { teamId: "T1", channelId: "C1", replyTo: "T1/C1/1.1" };
const answer = { at: 1, ts: "2.2" };

it("keep nothing in memory of an answer that has arrived; the next process still finds it", async () => {
  const state = memoryState();
  const answers = createOpenAnswers(state, true);
  await answers.begin(target, { at: 1 });
  await answers.put(target, answer);
  expect(await answers.get(target)).toEqual(answer);
  await answers.put(target, { ...answer, part: "7.0" });
  const get = vi.spyOn(state, "get");
  expect(await answers.get(target)).toBeUndefined();
  // What it has no key of it does not look for.
  expect(get).not.toHaveBeenCalled();
  const next = createOpenAnswers(state, true);
  expect(await next.get(target)).toEqual({ ...answer, part: "7.0" });
});
