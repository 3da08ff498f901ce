// How the sections of bench/delivery.mjs measure and print.

import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** CPU time of this process so far, user and system, of all threads, in microseconds. */
export const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** What `work` took: wall time in milliseconds, CPU in microseconds. */
export const timed = async (work) => {
  const cpuBefore = cpuUs();
  const startedAt = performance.now();
  await work();
  return { ms: performance.now() - startedAt, cpuUs: cpuUs() - cpuBefore };
};

export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
};

const median = (values) => quantile(values, 0.5);

/** `median (worst round)`; the worst is the smallest where more is better. */
export const figure = (values, digits, better) => {
  const worst = better === "more" ? Math.min(...values) : Math.max(...values);
  return `${median(values).toFixed(digits)} (${worst.toFixed(digits)})`;
};

/** One line of a table: a name, then cells under their headings. */
export const row = (name, cells) =>
  console.log(`  ${name.padEnd(30)}${cells.map((cell) => String(cell).padStart(19)).join("")}`);

/** The machine, and whether something else is at work on it. */
export const machine = () => {
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  const all = cpus();
  return `${all.length} x ${all[0]?.model ?? "?"}, node ${process.version}, load ${load}`;
};

/** Collects what each round measured, by name and figure. */
export const createFigures = () => {
  const found = new Map();
  return {
    add: (name, figures) => {
      const known = found.get(name) ?? {};
      for (const [key, value] of Object.entries(figures))
        known[key] = [...(known[key] ?? []), value];
      found.set(name, known);
    },
    of: (name) => found.get(name),
    names: () => [...found.keys()],
  };
};
