// Runs per second: as many as there are warm sandboxes at once, and one after the other for a while.

import { setTimeout as delay } from "node:timers/promises";
import { row } from "../delivery/measure.mjs";
import { bare, open, runTimed } from "./jobs.mjs";

const STEADY_MS = 8_000;
const LANGUAGE = "python";

/** Runs per second of `parallel` loops. */
const steady = async (parallel, run) => {
  const startedAt = performance.now();
  let count = 0;
  const loop = async () => {
    while (performance.now() - startedAt < STEADY_MS) {
      await run();
      count++;
    }
  };
  await Promise.all(Array.from({ length: parallel }, loop));
  return (count * 1000) / (performance.now() - startedAt);
};

const burst = async (size, run) => {
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: size }, run));
  return performance.now() - startedAt;
};

export const rate = async (rounds = 5) => {
  const once = () => bare(LANGUAGE);
  row(`${LANGUAGE}`, ["burst of 3, ms", "steady, runs/s"]);
  row("bare", [(await burst(3, once)).toFixed(0), (await steady(2, once)).toFixed(1)]);
  for (const engine of ["bubblewrap", "gvisor"]) {
    for (const [how, warmPool] of Object.entries({ cold: "off", warm: {} })) {
      const sandbox = await open(engine, { warmPool });
      const run = () => runTimed(sandbox, LANGUAGE);
      try {
        const bursts = [];
        for (let round = -1; round < rounds; round++) {
          const ms = await burst(3, run);
          if (round >= 0) bursts.push(ms);
          await delay(engine === "gvisor" ? 3_000 : 600);
        }
        bursts.sort((a, b) => a - b);
        const median = bursts[Math.floor(bursts.length / 2)];
        row(`${engine} ${how}`, [
          `${median.toFixed(0)} (${bursts.at(-1).toFixed(0)})`,
          (await steady(2, run)).toFixed(1),
        ]);
      } finally {
        await sandbox.close();
      }
    }
  }
};
