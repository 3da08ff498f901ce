// Claim: the sandbox is fast enough that nobody is tempted to switch it off.
//
// Measures the built sandbox against bare spawns of the same programs in the same run, in turn, and
// says of each target whether it is met. Needs root and the engines that `npm start` installs:
//
//     node bench/sandbox.mjs [start|runsc|memory|rate|audit|limits ...] [--rounds N]
import { machine } from "./delivery/measure.mjs";
import { audit } from "./sandbox/audit.mjs";
import { limits } from "./sandbox/limits.mjs";
import { memory } from "./sandbox/memory.mjs";
import { rate } from "./sandbox/rate.mjs";
import { runsc } from "./sandbox/runsc.mjs";
import { start } from "./sandbox/start.mjs";

const SECTIONS = { start, runsc, memory, rate, audit, limits };

const args = process.argv.slice(2);
const at = args.indexOf("--rounds");
const rounds = at < 0 ? undefined : Number(args.splice(at, 2)[1]);
const names = args.length > 0 ? args : Object.keys(SECTIONS);
const unknown = names.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) throw new Error(`no section ${unknown.join(", ")}`);

console.log(machine());
const targets = [];
for (const name of names) {
  console.log(`\n${name}`);
  targets.push(...((await SECTIONS[name](rounds)) ?? []));
}
console.log(`\n${machine()}\ntargets`);
for (const { claim, found, most } of targets) {
  const verdict = found <= most ? "met" : "NOT MET";
  console.log(`  ${verdict.padEnd(8)} ${claim}: ${found.toFixed(2)} (at most ${most})`);
}
