import { describe, expect, it } from "vitest";
import { undisturbed } from "./undisturbed.ts";

/** Nothing else of this process goes on meanwhile, as when the machine stands still. */
const standStill = () => {
  const until = performance.now() + 200;
  while (performance.now() < until);
};

describe("a measurement", () => {
  it("is made again when its process stood still meanwhile", async () => {
    let tries = 0;
    const measured = await undisturbed(async () => {
      tries += 1;
      if (tries === 1) standStill();
      return tries;
    });
    expect(measured).toBeGreaterThan(1);
  });

  it("counts after a few tries all the same, and where it fails", async () => {
    let tries = 0;
    const disturbed = async () => {
      tries += 1;
      standStill();
      return tries;
    };
    expect(await undisturbed(disturbed)).toBe(5);
    await expect(undisturbed(() => Promise.reject(new Error("no sandbox")))).rejects.toThrow("no");
  });
});
