import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, type TestContext } from "vitest";

/** A file system so small that a test can fill it. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves not a block free. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** Skips a test, with the reason, where there can be none (only root may mount); in CI that is a failure. */
  need(context: TestContext): void;
}

/** A fresh one for each test, gone after it; register it before whatever writes to it. */
export const smallDisk = (sizeBytes: number): SmallDisk => {
  let path = "";
  let problem: string | undefined;
  const ballast = () => join(path, "ballast");
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "clawgate-disk-"));
    problem = mount(path, sizeBytes);
  });
  afterEach(() => {
    // Lazily: libsql keeps files open until its statements are collected.
    if (problem === undefined) execFileSync("umount", ["--lazy", path]);
    rmdirSync(path);
  });
  return {
    get path() {
      return path;
    },
    fill: () => {
      const { bavail, bsize } = statfsSync(path);
      try {
        writeFileSync(ballast(), Buffer.alloc((bavail + 1) * bsize));
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "ENOSPC")) throw cause;
      }
    },
    free: () => rmSync(ballast()),
    need: (context) => {
      if (problem === undefined) return;
      if (process.env.CI === "true") throw new Error(problem);
      context.skip(problem);
    },
  };
};

/** Why it could not be mounted. */
const mount = (path: string, sizeBytes: number): string | undefined => {
  try {
    const options = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path];
    execFileSync("mount", options, { stdio: "pipe" });
    return undefined;
  } catch (cause) {
    return `no small disk: ${String(cause).replace(/\s+/g, " ")}`;
  }
};
