import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { takeFileLock } from "../../../core/store/file-lock.ts";
import { smallDisk } from "../../fakes/small-disk.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

describe("takeFileLock", () => {
  const folder = temporaryFolder();
  const disk = smallDisk(1024 * 1024);

  it("is held by one until it is released, and leaves an empty file", () => {
    const file = join(folder.path, "a.lock");
    const lock = takeFileLock(file);
    expect(lock).toBeDefined();
    expect(takeFileLock(file)).toBeUndefined();
    lock?.release();
    const next = takeFileLock(file);
    expect(next).toBeDefined();
    next?.release();
    expect(statSync(file).size).toBe(0);
  });

  it("throws where there can be no lock", () => {
    mkdirSync(join(folder.path, "a.lock"));
    expect(() => takeFileLock(join(folder.path, "a.lock"))).toThrow();
  });

  it("attack: is not had by two who may only read the file", (context) => {
    // Root may write whatever a mode forbids, but not on a file system that is mounted read-only.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) disk.need(context);
    const file = join(isRoot ? disk.path : folder.path, "of-another-user.lock");
    writeFileSync(file, "");
    chmodSync(file, 0o444);
    if (isRoot) execFileSync("mount", ["-o", "remount,ro", disk.path]);
    expect(() => takeFileLock(file)).toThrow(/readonly/);
  });
});
