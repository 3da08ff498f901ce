// Claim: `clawgate start` listens in under 1 s and stays under 150 MiB.
//
// Starts the built gateway with the demo settings on a fresh folder, and a bare node:http server,
// in turn and in the same run; prints the time until each listens, the memory of the process
// (VmHWM, the highest so far) once the sandbox's self-test is over, and the ratios. Linux only:
//
//     node bench/start.mjs [rounds]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dirname, "..", "dist", "cli", "main.js");
const BARE = "require('http').createServer().listen(0, () => console.log('listens\\nsandbox'))";

const measure = async (args) => {
  const cwd = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  let ms;
  const mib = await new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`ended early: ${output}`)));
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.includes("listens")) ms ??= performance.now() - startedAt;
      if (!output.includes("sandbox")) return;
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      resolve(Number(/VmHWM:\s+(\d+) kB/.exec(status)[1]) / 1024);
    });
  });
  child.removeAllListeners("exit");
  child.kill("SIGTERM");
  await once(child, "exit");
  rmSync(cwd, { recursive: true, force: true });
  return { ms, mib };
};

const spread = (values, digits) => {
  const sorted = [...values].sort((a, b) => a - b);
  return [0, Math.floor(sorted.length / 2), sorted.length - 1]
    .map((index) => sorted[index].toFixed(digits))
    .join(" / ");
};

const rounds = Number(process.argv[2] ?? 7);
const figures = { ms: [], mib: [], slower: [], larger: [] };
for (let round = 0; round <= rounds; round++) {
  const bare = await measure(["-e", BARE]);
  const ours = await measure([main, "start"]);
  if (round === 0) continue; // warm-up
  figures.ms.push(ours.ms);
  figures.mib.push(ours.mib);
  figures.slower.push(ours.ms / bare.ms);
  figures.larger.push(ours.mib / bare.mib);
}
console.log(`${rounds} starts; min / median / max`);
console.log(`listens after ${spread(figures.ms, 0)} ms, x ${spread(figures.slower, 1)} of bare`);
console.log(`memory ${spread(figures.mib, 0)} MiB, x ${spread(figures.larger, 1)} of bare`);
