import { join } from "node:path";
import { runInForeground } from "./run.mjs";
import { root, setUpForTests } from "./setup.mjs";

const missing = await setUpForTests();
for (const sentence of missing) console.error(`set-up: ${sentence}`);
if (missing.length > 0 && process.env.CI === "true") process.exit(1);

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = [vitest, "run", "--root", root, ...process.argv.slice(2)];
process.exitCode = await runInForeground(process.execPath, args);
