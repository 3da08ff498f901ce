import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withLock } from "../../scripts/lock.mjs";

let file = "";
beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), "clawgate-lock-")), "below", "setup.lock");
});
afterEach(() => rmSync(join(file, "..", ".."), { recursive: true, force: true }));

it("is gone after the work, also after work that failed", async () => {
  expect(await withLock(file, () => existsSync(file))).toBe(true);
  await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(file)).toBe(false);
});

it("is taken over from a process that died", async () => {
  await withLock(file, () => {}); // makes the folder
  writeFileSync(file, String(spawnSync("true").pid));
  expect(await withLock(file, () => "done")).toBe("done");
});

it("is waited for while its holder lives", async () => {
  await withLock(file, () => {});
  writeFileSync(file, String(process.ppid));
  let isDone = false;
  const work = withLock(file, () => {
    isDone = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(false);
  rmSync(file);
  await work;
  expect(isDone).toBe(true);
});
