import { beforeEach, describe, expect, it } from "vitest";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { createSuspects, type Suspects } from "../../../core/delivery/suspects.ts";

const LAST = 3;
const laneOf = (id: string): Lane => ({ id, tenantId: "sales" });
const [wei, ann, bo, cleo] = [laneOf("wei"), laneOf("ann"), laneOf("bo"), laneOf("cleo")];

describe("messages under which processes died", () => {
  let woken: string[];
  let suspects: Suspects;
  beforeEach(() => {
    woken = [];
    suspects = createSuspects(LAST, ({ id }) => woken.push(id));
  });

  it("run alone at their last attempt, each that ends making room for one more", () => {
    expect([wei, ann, bo, cleo].map((lane) => suspects.admit(lane, LAST))).toEqual([
      LAST,
      ...[undefined, undefined, undefined],
    ]);
    suspects.stepEnded(wei);
    expect(woken).toEqual(["ann", "bo"]);
    suspects.admit(ann, LAST);
    suspects.admit(bo, LAST);
    expect(suspects.admit(cleo, LAST)).toBeUndefined();
    suspects.stepEnded(ann);
    expect(woken).toEqual(["ann", "bo", "cleo"]);
  });

  it("are not blamed for a death at which others of them ran as well", () => {
    for (const lane of [wei, ann, bo]) suspects.admit(lane, LAST);
    suspects.stepEnded(wei);
    expect([ann, bo].map((lane) => suspects.admit(lane, LAST))).toEqual([LAST - 1, LAST - 1]);
  });

  it("run alone again once none is left: what comes later may be what kills", () => {
    for (const lane of [wei, ann]) suspects.admit(lane, LAST);
    suspects.stepEnded(wei);
    suspects.admit(ann, LAST);
    suspects.stepEnded(ann);
    expect(suspects.admit(bo, LAST)).toBe(LAST);
    expect(suspects.admit(cleo, LAST)).toBeUndefined();
  });

  it("keep nobody waiting who has another attempt, or none any more", () => {
    suspects.admit(wei, LAST);
    for (const attempt of [1, LAST - 1, LAST + 1]) {
      expect(suspects.admit(ann, attempt)).toBe(attempt);
    }
  });

  it("are not over when the steps of others are", () => {
    suspects.admit(wei, LAST);
    suspects.admit(ann, LAST);
    suspects.stepEnded(ann);
    suspects.stepEnded(bo);
    expect(woken).toEqual([]);
    expect(suspects.admit(bo, LAST)).toBeUndefined();
  });

  it("are through in few rounds when none of them kills, however many they are", () => {
    const many = Array.from({ length: 200 }, (_, at) => laneOf(`p${at}`));
    let left = new Set(many);
    let rounds = 0;
    for (; left.size > 0; rounds++) {
      const running = [...left].filter((lane) => suspects.admit(lane, LAST) !== undefined);
      for (const lane of running) suspects.stepEnded(lane);
      left = new Set([...left].filter((lane) => !running.includes(lane)));
    }
    expect(rounds).toBe(8);
  });

  it("wait for nobody once the last one has ended", () => {
    suspects.admit(wei, LAST);
    suspects.stepEnded(wei);
    expect(woken).toEqual([]);
    expect(suspects.admit(ann, LAST)).toBe(LAST);
  });
});
