#!/usr/bin/env node
// The command of a checkout. npx links it once and looks no second time, so it must be here before the
// build is, and be executable as committed.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "dist", "cli", "main.js");

if (existsSync(main) && existsSync(join(root, "node_modules"))) {
  await import(pathToFileURL(main).href);
} else {
  console.error(
    `clawgate: nothing is built in ${root} yet; there, \`npm start\` installs, builds and serves, and ` +
      "`node scripts/setup.mjs` only installs and builds",
  );
  process.exitCode = 2;
}
