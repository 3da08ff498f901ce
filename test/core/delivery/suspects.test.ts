import { beforeEach, describe, expect, it } from "vitest";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { createSuspects, type Suspects } from "../../../core/delivery/suspects.ts";

const LAST = 3;
const laneOf = (id: string): Lane => ({ id, tenantId: "sales" });
const [wei, ann, bo] = [laneOf("wei"), laneOf("ann"), laneOf("bo")];

describe("messages under which processes died", () => {
  let woken: string[];
  let suspects: Suspects;
  beforeEach(() => {
    woken = [];
    suspects = createSuspects(LAST, ({ id }) => woken.push(id));
  });

  it("run one at a time at their last attempt, in the order in which they came", () => {
    expect([wei, ann, bo].map((lane) => suspects.admit(lane, LAST))).toEqual([true, false, false]);
    suspects.stepEnded(wei);
    expect(woken).toEqual(["ann"]);
    expect(suspects.admit(ann, LAST)).toBe(true);
    expect(suspects.admit(wei, LAST)).toBe(false);
    suspects.stepEnded(ann);
    expect(woken).toEqual(["ann", "bo"]);
  });

  it("keep nobody waiting who has another attempt, or none any more", () => {
    suspects.admit(wei, LAST);
    for (const attempt of [1, LAST - 1, LAST + 1]) expect(suspects.admit(ann, attempt)).toBe(true);
  });

  it("are not over when the steps of others are", () => {
    suspects.admit(wei, LAST);
    suspects.admit(ann, LAST);
    suspects.stepEnded(ann);
    suspects.stepEnded(bo);
    expect(woken).toEqual([]);
    expect(suspects.admit(bo, LAST)).toBe(false);
  });

  it("wait for nobody once the last one has ended", () => {
    suspects.admit(wei, LAST);
    suspects.stepEnded(wei);
    expect(woken).toEqual([]);
    expect(suspects.admit(ann, LAST)).toBe(true);
  });
});
