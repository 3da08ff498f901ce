// How late a wall limit strikes, and what still lives afterwards.

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { quantile, row } from "../delivery/measure.mjs";
import { open, request } from "./jobs.mjs";

const WALL_MS = 250;
const LATER_MS = 300;
const MARK = "86399.25";

// Daemons, deaf ones, children of children: all that would rather not end.
const JOB = `
trap '' TERM HUP INT
setsid sleep ${MARK} &
(setsid bash -c 'trap "" TERM; while :; do sleep ${MARK}; done' &)
for n in 1 2 3; do sleep ${MARK} & done
wait
`;

/** Processes of the machine that are ours to end: by their words or by their control group. */
const survivors = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(MARK) ||
          readFileSync(`/proc/${pid}/cgroup`, "latin1").includes(`/clawgate-${process.pid}-`)
        );
      } catch {
        return false;
      }
    }).length;

export const limits = async (rounds = 100) => {
  const targets = [];
  row(`wall limit ${WALL_MS} ms`, [
    "late, p50",
    "p99",
    "worst",
    "result late, p99",
    "alive at once",
    `after ${LATER_MS} ms`,
  ]);
  for (const engine of ["bubblewrap", "gvisor"]) {
    const sandbox = await open(engine);
    const late = [];
    const told = [];
    const alive = { now: 0, later: 0 };
    try {
      for (let round = 0; round < rounds; round++) {
        const asked = request("bash", JOB, { wallMs: WALL_MS });
        const result = await sandbox.run(asked, new AbortController().signal);
        const endedAt = performance.now();
        if (result.reason !== "wall") throw new Error(`${result.verdict} ${result.reason}`);
        alive.now = Math.max(alive.now, survivors());
        late.push(result.usage.wallMs - WALL_MS);
        if (round % 5 === 0) {
          await delay(LATER_MS - (performance.now() - endedAt));
          alive.later = Math.max(alive.later, survivors());
        }
      }
      // Warm, all that passes between the call and the result is the run's.
    } finally {
      await sandbox.close();
    }
    const warm = await open(engine, { warmPool: {} });
    try {
      const asked = () => request("bash", JOB, { wallMs: WALL_MS });
      await warm.run(asked(), new AbortController().signal);
      for (let round = 0; round < rounds / 4; round++) {
        await delay(engine === "gvisor" ? 1000 : 300);
        const startedAt = performance.now();
        await warm.run(asked(), new AbortController().signal);
        told.push(performance.now() - startedAt - WALL_MS);
      }
    } finally {
      await warm.close();
    }
    const p99 = quantile(late, 0.99);
    const ms = (value) => value.toFixed(1);
    row(engine, [
      ms(quantile(late, 0.5)),
      ms(p99),
      ms(Math.max(...late)),
      ms(quantile(told, 0.99)),
      alive.now,
      alive.later,
    ]);
    targets.push(
      { claim: `${engine}, wall limit late, p99 ms`, found: p99, most: 50 },
      {
        claim: `${engine}, processes alive ${LATER_MS} ms after the result`,
        found: alive.later,
        most: 0,
      },
    );
  }
  return targets;
};
