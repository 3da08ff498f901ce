import { expect, it } from "vitest";
import { createRandomPool } from "../../core/random-pool.ts";

it.each([6, 7, 12])("gives %i bytes at a time, and none of them again", (size) => {
  const next = createRandomPool(size);
  const seen = new Set<string>();
  for (let count = 0; count < 3_000; count++) {
    const target = Buffer.alloc(size + 2, 0xaa);
    next(target, 1);
    expect([target[0], target[size + 1]]).toEqual([0xaa, 0xaa]);
    seen.add(target.subarray(1, -1).toString("hex"));
  }
  expect(seen.size).toBe(3_000);
});
