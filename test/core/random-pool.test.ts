import { expect, it } from "vitest";
import { createRandomPool } from "../../core/random-pool.ts";

it.each([6, 7, 12])("gives %i bytes at a time, and none of them again", (size) => {
  const next = createRandomPool(size);
  const seen = new Set<string>();
  for (let count = 0; count < 3_000; count++) {
    const bytes = next();
    expect(bytes).toHaveLength(size);
    seen.add(Buffer.from(bytes).toString("hex"));
  }
  expect(seen.size).toBe(3_000);
});
