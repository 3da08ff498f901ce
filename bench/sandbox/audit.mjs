// What the record costs a job that starts programs, opens files and computes.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSink } from "../../dist/sandbox/audit/file-sink.js";
import { figure, quantile, row } from "../delivery/measure.mjs";
import { open, request } from "./jobs.mjs";

const JOB = `
import subprocess, sys
for n in range(100):
    with open(f"/tmp/{n}", "w") as file: file.write("x")
for n in range(5): subprocess.run(["/bin/true"])
sum(n * n for n in range(1_500_000))
`;
const ALL = { log_all_commands: true, log_network_requests: true, log_file_access: true };

const timed = async (sandbox) => {
  const startedAt = performance.now();
  const result = await sandbox.run(request("python", JOB), new AbortController().signal);
  if (result.verdict !== "ok")
    throw new Error(`${result.verdict} ${result.detail} ${result.stderr}`);
  return performance.now() - startedAt;
};

export const audit = async (rounds = 12) => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
  const targets = [];
  try {
    row("ms of a busy python job", ["no record", "full record", "bytes per run"]);
    for (const engine of ["bubblewrap", "gvisor"]) {
      const file = join(folder, `${engine}.jsonl`);
      const sink = await openFileSink({ path: () => file, lossLine: () => "{}", log: console });
      const without = await open(engine);
      const recorded = await open(engine, { audit: ALL, auditSink: sink });
      const figures = { without: [], recorded: [] };
      try {
        for (let round = -1; round < rounds; round++) {
          const ms = { without: await timed(without), recorded: await timed(recorded) };
          if (round < 0) continue;
          for (const name of Object.keys(ms)) figures[name].push(ms[name]);
        }
      } finally {
        await without.close();
        await recorded.close();
        await sink.close();
      }
      row(engine, [
        figure(figures.without, 0),
        figure(figures.recorded, 0),
        Math.round(statSync(file).size / (rounds + 1)),
      ]);
      const median = (values) => quantile(values, 0.5);
      targets.push({
        claim: `${engine}, full record, of none`,
        found: median(figures.recorded) / median(figures.without),
        most: 1.1,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return targets;
};
