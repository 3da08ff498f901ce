import { afterEach, expect, it, vi } from "vitest";
import { lacks } from "./need-server.ts";
import { startRedis } from "./redis-server.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it("skips the tests of a server that is not installed, and says how to get it", () => {
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("CI", "");
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  expect(lacks("redis-server")).toBe(true);
  expect(warn).toHaveBeenCalledExactlyOnceWith(
    expect.stringContaining("sudo apt-get install -y redis-server"),
  );
});

it("runs them in CI, where they fail with the same words", async () => {
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("CI", "true");
  expect(lacks("redis-server")).toBe(false);
  await expect(startRedis()).rejects.toThrow("not installed: redis-server");
});
