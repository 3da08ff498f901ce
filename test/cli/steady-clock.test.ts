import { expect, it } from "vitest";
import { createSteadyClock } from "../../cli/steady-clock.ts";

const HOUR_MS = 60 * 60_000;

const setUp = () => {
  let [wall, elapsed] = [Date.parse("2026-03-01T00:00:00Z"), 7];
  const isSteady = createSteadyClock(
    () => new Date(wall),
    () => elapsed,
  );
  return (passedMs: number, leapMs = 0): boolean => {
    elapsed += passedMs;
    wall += passedMs + leapMs;
    return isSteady();
  };
};

it("is believed once it has run evenly for an hour, small corrections aside", () => {
  const look = setUp();
  expect(look(0)).toBe(false);
  expect(look(HOUR_MS / 2, 20_000)).toBe(false);
  expect(look(HOUR_MS / 2, 20_000)).toBe(true);
  expect(look(400 * 24 * HOUR_MS)).toBe(true);
});

it("attack: a leap ahead makes young records old: it is not believed for an hour, nor when it is set back", () => {
  const look = setUp();
  expect(look(HOUR_MS)).toBe(true);
  const year = 365 * 24 * HOUR_MS;
  expect(look(300_000, year)).toBe(false);
  expect(look(HOUR_MS / 2)).toBe(false);
  expect(look(300_000, -year)).toBe(false);
  expect(look(HOUR_MS - 1)).toBe(false);
  expect(look(1)).toBe(true);
});
