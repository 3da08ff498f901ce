import { expect, it } from "vitest";
import { createFleet } from "../fakes/fleet.ts";
import { killStorm } from "../fakes/kill-storm.ts";

it("a gateway that is killed at 20 random moments loses nothing and answers nothing twice", {
  timeout: 240_000,
}, async () => {
  const fleet = await createFleet({});
  try {
    const result = await killStorm(fleet, { kills: 20, random: Math.random });
    expect(result).toMatchObject({ kills: 20, lost: [], twice: [], twiceInFlight: [] });
    expect(result.acknowledged).toBeGreaterThan(200);
  } finally {
    await fleet.close();
  }
});
