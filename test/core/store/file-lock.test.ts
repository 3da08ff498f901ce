import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { takeFileLock } from "../../../core/store/file-lock.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

describe("takeFileLock", () => {
  const folder = temporaryFolder();

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

  it("attack: is not had by two who may only read the file", () => {
    const file = join(folder.path, "of-another-user.lock");
    writeFileSync(file, "");
    chmodSync(folder.path, 0o755);
    chmodSync(file, 0o444);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(() => takeFileLock(file)).toThrow(/readonly/);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
