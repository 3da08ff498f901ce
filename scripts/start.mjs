import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

try {
  for (const sentence of await setUp()) console.error(`skills may be off: ${sentence}`);
} catch (error) {
  console.error(`set-up failed: ${error.message}`);
  process.exit(1);
}

// The gateway takes over this very process: signals, exit code and terminal are its own.
const main = join(root, "dist", "cli", "main.js");
process.argv.splice(1, 1, main, "start");
await import(pathToFileURL(main).href);
