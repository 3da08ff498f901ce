import { beforeEach, describe, expect, it } from "vitest";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { createSuspects, type Suspects } from "../../../core/delivery/suspects.ts";

const FIRST = 3;
const LAST = 6;
const laneOf = (id: string): Lane => ({ id, tenantId: "sales" });
const [wei, ann, bo, cleo] = [laneOf("wei"), laneOf("ann"), laneOf("bo"), laneOf("cleo")];

describe("messages under which processes died", () => {
  let woken: string[];
  let suspects: Suspects;
  beforeEach(() => {
    woken = [];
    suspects = createSuspects([FIRST, LAST], ({ id }) => woken.push(id));
  });

  it("run alone and as at their last attempt, each that ends making room for one more", () => {
    expect([wei, ann, bo, cleo].map((lane) => suspects.admit(lane, FIRST))).toEqual([
      LAST,
      ...[undefined, undefined, undefined],
    ]);
    suspects.stepEnded(wei);
    expect(woken).toEqual(["ann", "bo"]);
    suspects.admit(ann, FIRST);
    suspects.admit(bo, FIRST);
    expect(suspects.admit(cleo, FIRST)).toBeUndefined();
    suspects.stepEnded(ann);
    expect(woken).toEqual(["ann", "bo", "cleo"]);
  });

  it("are not blamed for a death at which others of them ran as well", () => {
    for (const lane of [wei, ann, bo]) suspects.admit(lane, FIRST);
    suspects.stepEnded(wei);
    expect([ann, bo].map((lane) => suspects.admit(lane, FIRST))).toEqual([FIRST, FIRST]);
  });

  it("run alone again once none is left: what comes later may be what kills", () => {
    for (const lane of [wei, ann]) suspects.admit(lane, FIRST);
    suspects.stepEnded(wei);
    suspects.admit(ann, FIRST);
    suspects.stepEnded(ann);
    expect(suspects.admit(bo, FIRST)).toBe(LAST);
    expect(suspects.admit(cleo, FIRST)).toBeUndefined();
  });

  it("keep nobody waiting who has another attempt, or none any more", () => {
    suspects.admit(wei, FIRST);
    for (const attempt of [1, FIRST - 1, LAST + 1]) {
      expect(suspects.admit(ann, attempt)).toBe(attempt);
    }
  });

  it("are not over when the steps of others are", () => {
    suspects.admit(wei, FIRST);
    suspects.admit(ann, FIRST);
    suspects.stepEnded(ann);
    suspects.stepEnded(bo);
    expect(woken).toEqual([]);
    expect(suspects.admit(bo, FIRST)).toBeUndefined();
  });

  it("are through in few rounds when none of them kills, however many they are", () => {
    const many = Array.from({ length: 200 }, (_, at) => laneOf(`p${at}`));
    let left = new Set(many);
    let rounds = 0;
    for (; left.size > 0; rounds++) {
      const running = [...left].filter((lane) => suspects.admit(lane, FIRST) !== undefined);
      for (const lane of running) suspects.stepEnded(lane);
      left = new Set([...left].filter((lane) => !running.includes(lane)));
    }
    expect(rounds).toBe(8);
  });

  it("run alone again at their last attempt, when nobody is at work any more", () => {
    for (const lane of [wei, ann, bo]) suspects.admit(lane, FIRST);
    suspects.stepEnded(wei);
    expect(suspects.admit(ann, FIRST)).toBe(FIRST);
    expect(suspects.admit(bo, LAST)).toBeUndefined();
    suspects.stepEnded(ann);
    expect(suspects.admit(bo, LAST)).toBe(LAST);
    expect(suspects.admit(cleo, FIRST)).toBeUndefined();
    suspects.stepEnded(bo);
    expect(suspects.admit(cleo, FIRST)).toBe(FIRST);
  });

  it("hide nothing that kills, although others come before it after every death", () => {
    const written: (number | undefined)[] = [];
    for (let attempt = FIRST; attempt <= LAST; attempt = (written.at(-1) ?? LAST) + 1) {
      suspects = createSuspects([FIRST, LAST], () => {});
      for (const lane of [ann, bo]) suspects.admit(lane, FIRST);
      expect(suspects.admit(wei, attempt)).toBeUndefined();
      suspects.stepEnded(ann);
      suspects.admit(bo, FIRST);
      written.push(suspects.admit(wei, attempt));
    }
    expect(written).toEqual([3, 4, 5, undefined]);
    suspects.stepEnded(bo);
    expect(suspects.admit(wei, LAST)).toBe(LAST);
  });

  it("are looked at a hundred times a second at most, however many wait", () => {
    suspects.admit(wei, FIRST);
    suspects.admit(ann, FIRST);
    expect(suspects.lookAgainMs).toBe(250);
    for (let at = 0; at < 999; at++) suspects.admit(laneOf(`p${at}`), FIRST);
    expect(suspects.lookAgainMs).toBe(10_000);
  });

  it("are woken one after the other where another process has ended those before them", () => {
    for (const lane of [wei, ann, bo, cleo]) suspects.admit(lane, FIRST);
    suspects.stepEnded(wei);
    expect(woken).toEqual(["ann", "bo"]);
    suspects.foundEmpty(ann);
    expect(woken).toEqual(["ann", "bo", "cleo"]);
    suspects.foundEmpty(bo);
    expect(suspects.admit(cleo, FIRST)).toBe(FIRST);
  });

  it("are not counted any more once another process has ended them", () => {
    const others = Array.from({ length: 999 }, (_, at) => laneOf(`p${at}`));
    for (const lane of [wei, ann, ...others]) suspects.admit(lane, FIRST);
    for (const lane of others) suspects.foundEmpty(lane);
    expect(woken).toEqual([]);
    expect(suspects.lookAgainMs).toBe(250);
    suspects.stepEnded(wei);
    expect(woken).toEqual(["ann"]);
  });

  it("wait for nobody once the last one has ended", () => {
    suspects.admit(wei, FIRST);
    suspects.stepEnded(wei);
    expect(woken).toEqual([]);
    expect(suspects.admit(ann, FIRST)).toBe(LAST);
  });
});
