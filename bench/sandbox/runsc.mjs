// Our cold start under gVisor against a plain `runsc run` of the bundle that we made for it.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { figure, quantile, row } from "../delivery/measure.mjs";
import { bareTimed, open, runTimed } from "./jobs.mjs";

const RUNSC = [
  join(import.meta.dirname, "..", "..", ".engines", "usr/bin/runsc"),
  "/usr/local/bin/runsc",
  "/usr/bin/runsc",
].find(existsSync);

/** The folder of the one slot that waits, which has its bundle in it. */
const findBundle = (folder) => {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.name === "config.json") return entry.parentPath ?? entry.path;
  }
  throw new Error(`no bundle below ${folder}`);
};

export const runsc = async (rounds = 12) => {
  const home = mkdtempSync(join(tmpdir(), "clawgate-bench-"));
  chmodSync(home, 0o711);
  const stateFolder = join(home, "state");
  const cold = await open("gvisor");
  // A slot that waits holds what its bundle mounts, for as long as we need it.
  const keeper = await open("gvisor", { stateFolder, warmPool: { maxAgeMs: 3_600_000 } });
  try {
    await runTimed(keeper, "bash");
    await delay(2_500);
    const source = findBundle(stateFolder);
    const bundle = join(home, "bundle");
    cpSync(join(source, "config.json"), join(bundle, "config.json"));
    const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8"));
    config.process.args = ["/bin/bash", "-c", "echo $EPOCHREALTIME"];
    if (!config.root.path.startsWith("/")) config.root.path = join(source, config.root.path);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
    const platform = /systrap|ptrace/.exec((await cold.status()).isolation)?.[0];
    const plain = (number) =>
      bareTimed(RUNSC, [
        `--root=${join(home, "plain")}`,
        `--platform=${platform}`,
        ...["--network=none", "--ignore-cgroups", "--overlay2=none"],
        ...["run", `--bundle=${bundle}`, `plain-${number}`],
      ]);
    const figures = { plain: [], ours: [] };
    for (let round = -1; round < rounds; round++) {
      const ms = { plain: await plain(round + 1), ours: (await runTimed(cold, "bash")).done };
      if (round < 0) continue;
      for (const name of Object.keys(ms)) figures[name].push(ms[name]);
    }
    row("ms, bash", ["plain runsc run", "ours, cold"]);
    row("", [figure(figures.plain, 0), figure(figures.ours, 0)]);
    const median = (values) => quantile(values, 0.5);
    return [
      {
        claim: "gvisor cold, of plain `runsc run`",
        found: median(figures.ours) / median(figures.plain),
        most: 1.15,
      },
    ];
  } finally {
    await keeper.close();
    await cold.close();
    rmSync(home, { recursive: true, force: true });
  }
};
