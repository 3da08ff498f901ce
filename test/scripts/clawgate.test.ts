import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const checkout = join(import.meta.dirname, "..", "..");

// A checkout as git makes it: with the command, without node_modules and dist.
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clawgate-command-"));
  const { name, bin } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
  writeFileSync(
    join(root, "package.json"),
    JSON.stringify({ name, version: "0.1.0", type: "module", bin }),
  );
  mkdirSync(join(root, "scripts"));
  cpSync(join(checkout, "scripts", "clawgate.mjs"), join(root, "scripts", "clawgate.mjs"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const npx = (...words: string[]) =>
  spawnSync("npx", words, {
    cwd: root,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: root, npm_config_cache: join(root, "cache") },
  });

it("says what to do before the build, and works after it in the same folder", () => {
  const before = npx("--no-install", "clawgate", "--version");
  expect(before.status).toBe(2);
  expect(before.stderr).toContain("npm start");

  mkdirSync(join(root, "node_modules"));
  mkdirSync(join(root, "dist", "cli"), { recursive: true });
  writeFileSync(join(root, "dist", "cli", "main.js"), "console.log(process.argv.slice(2));");
  const after = npx("--no-install", "clawgate", "config", "check");
  expect(after.stdout).toContain("[ 'config', 'check' ]");
  expect(after.status).toBe(0);
});
