import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";

/** A fresh folder for each test of the file, gone after it. */
export const temporaryFolder = (): { readonly path: string } => {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "clawgate-test-"));
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
  };
};
