// What a warm sandbox costs while it waits.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { row } from "../delivery/measure.mjs";
import { open, PROGRAMS, runTimed } from "./jobs.mjs";

const SETTLE_MS = 2_500;
const ROOTS = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].filter(existsSync);

/** Folders of the memory groups that our sandboxes have now. */
const groups = () => {
  for (const root of ROOTS) {
    const own = readdirSync(root).filter((name) => name.startsWith(`clawgate-${process.pid}-`));
    if (own.length > 0) return own.map((name) => join(root, name));
  }
  return [];
};

const read = (...path) => {
  try {
    return readFileSync(join(...path), "utf8");
  } catch {
    return "";
  }
};

const chargedBytes = (group) =>
  Number(read(group, "memory.usage_in_bytes") || read(group, "memory.current"));

const processesOf = (group) => read(group, "cgroup.procs").split("\n").filter(Boolean);

/** The process's share of what it maps, so that what several map is counted once. */
const pssBytes = (pid) =>
  Number(/^Pss:\s+(\d+)/m.exec(read("/proc", pid, "smaps_rollup"))?.[1] ?? 0) * 1024;

export const memory = async () => {
  const targets = [];
  row("MiB of one waiting sandbox", ["charged", "PSS", "processes", "tasks"]);
  for (const engine of ["bubblewrap", "gvisor"]) {
    for (const language of Object.keys(PROGRAMS)) {
      const sandbox = await open(engine, { warmPool: {} });
      try {
        await runTimed(sandbox, language);
        await delay(SETTLE_MS);
        const own = groups();
        if (own.length !== 1) throw new Error(`${own.length} groups, expected 1`);
        const pids = own.flatMap(processesOf);
        const sum = (values) => values.reduce((total, value) => total + value, 0);
        const charged = sum(own.map(chargedBytes));
        const tasks = sum(pids.map((pid) => readdirSync(`/proc/${pid}/task`).length));
        const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
        row(`${engine} ${language}`, [
          mib(charged),
          mib(sum(pids.map(pssBytes))),
          pids.length,
          tasks,
        ]);
        const budget = engine === "gvisor" ? 80 : 10;
        targets.push({
          claim: `${engine} warm slot, ${language}, MiB charged`,
          found: charged / 2 ** 20,
          most: budget,
        });
      } finally {
        await sandbox.close();
      }
    }
  }
  return targets;
};
