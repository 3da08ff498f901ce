import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashOf, isStamped, stamp } from "../../scripts/stamp.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clawgate-stamp-"));
  mkdirSync(join(root, "src", "deep"), { recursive: true });
  writeFileSync(join(root, "src", "deep", "a.ts"), "a");
  writeFileSync(join(root, "lock.json"), "{}");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("changes with bytes, names and the salt, and with nothing else", () => {
  const paths = ["src", "lock.json", "absent"];
  const first = hashOf(root, paths, "v20");
  expect(hashOf(root, [...paths].reverse(), "v20")).toBe(first);
  expect(hashOf(root, paths, "v22")).not.toBe(first);
  writeFileSync(join(root, "src", "deep", "a.ts"), "b");
  expect(hashOf(root, paths, "v20")).not.toBe(first);
  writeFileSync(join(root, "src", "deep", "a.ts"), "a");
  expect(hashOf(root, paths, "v20")).toBe(first);
  renameSync(join(root, "src", "deep", "a.ts"), join(root, "src", "deep", "b.ts"));
  expect(hashOf(root, paths, "v20")).not.toBe(first);
});

it("is there only after it was written, for exactly this state", () => {
  const file = join(root, "stamp");
  expect(isStamped(file, "x")).toBe(false);
  stamp(file, "x");
  expect(isStamped(file, "x")).toBe(true);
  expect(isStamped(file, "y")).toBe(false);
});
