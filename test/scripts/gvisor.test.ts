import { expect, it } from "vitest";
import { OLDEST_RUNSC, runscRelease } from "../../scripts/gvisor.mjs";

it.each([
  ["runsc version 0.0~20240729.0\nspec: 1.2.0\n", 20240729],
  ["runsc version release-20250107.0\nspec: 1.1.0-rc.1\n", 20250107],
  ["runsc version 0.0~20221219.0\n", 20221219],
  ["runsc version VERSION_MISSING\n", 0],
  ["", 0],
])("reads the release date out of %j", (text, release) => {
  expect(runscRelease(text)).toBe(release);
});

it("takes the release of Debian 12 as too old and that of Debian 13 as new enough", () => {
  expect(runscRelease("runsc version 0.0~20221219.0")).toBeLessThan(OLDEST_RUNSC);
  expect(runscRelease("runsc version 0.0~20240729.0")).toBeGreaterThanOrEqual(OLDEST_RUNSC);
});
