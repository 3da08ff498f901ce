import { join } from "node:path";
import { runInForeground } from "./run.mjs";
import { root, setUp } from "./setup.mjs";

const STEPS = [
  ["format and lint", "node_modules/@biomejs/biome/bin/biome", "check", "."],
  ["types", "node_modules/typescript/bin/tsc", "-p", "."],
  ["tests", "scripts/test.mjs"],
  ["dead code", "node_modules/knip/bin/knip.js"],
];

process.chdir(root);
await setUp(); // the tools themselves; what the tests lack is for test.mjs to judge
for (const [name, script, ...args] of STEPS) {
  console.log(`check: ${name}`);
  const code = await runInForeground(process.execPath, [join(root, script), ...args]);
  if (code === 0) continue;
  console.error(`check failed: ${name} (exit ${code})`);
  process.exit(1);
}
console.log("check: all passed");
