// Cold and warm: how long until a job's first line, and until its result.

import { setTimeout as delay } from "node:timers/promises";
import { figure, quantile, row } from "../delivery/measure.mjs";
import { bare, open, PROGRAMS, runTimed } from "./jobs.mjs";

/** How long a boot in the background may take on a machine that is busy with other things, too. */
const REFILL_MS = { gvisor: 1200, bubblewrap: 400 };

const MOST = {
  "bubblewrap cold done": { bash: 5, python: 2, javascript: 2 },
  "bubblewrap warm done": { bash: 1, python: 1, javascript: 1 },
  "gvisor warm first": { bash: 1, python: 0.3, javascript: 0.3 },
  "gvisor warm done": { bash: 4, python: 1.2, javascript: 1.2 },
};

export const start = async (rounds = 15) => {
  const found = {};
  const note = (language, what, ms) => {
    found[language] ??= {};
    found[language][what] ??= [];
    found[language][what].push(ms);
  };
  const engines = {};
  for (const engine of ["bubblewrap", "gvisor"]) {
    engines[engine] = { cold: await open(engine), warm: await open(engine, { warmPool: {} }) };
  }
  try {
    for (let round = -1; round < rounds; round++) {
      for (const language of Object.keys(PROGRAMS)) {
        const figures = { bare: await bare(language) };
        for (const [engine, { cold, warm }] of Object.entries(engines)) {
          for (const [how, sandbox] of Object.entries({ cold, warm })) {
            const { first, done } = await runTimed(sandbox, language);
            figures[`${engine} ${how} first`] = first;
            figures[`${engine} ${how} done`] = done;
          }
          await delay(REFILL_MS[engine]);
        }
        if (round < 0) continue; // the first run of a kind is what the pool learns from
        for (const [what, ms] of Object.entries(figures)) note(language, what, ms);
      }
    }
  } finally {
    for (const { cold, warm } of Object.values(engines)) {
      await cold.close();
      await warm.close();
    }
  }
  const languages = Object.keys(PROGRAMS);
  console.log(`  ${rounds} rounds; median (worst) in ms, and the median as a multiple of bare`);
  row("", languages);
  const median = (language, what) => quantile(found[language][what], 0.5);
  const ratio = (language, what) => median(language, what) / median(language, "bare");
  for (const what of Object.keys(found.bash)) {
    row(
      what,
      languages.map(
        (language) => `${figure(found[language][what], 1)} x${ratio(language, what).toFixed(2)}`,
      ),
    );
  }
  return Object.entries(MOST).flatMap(([what, most]) =>
    languages.map((language) => ({
      claim: `${what}, ${language}, of bare`,
      found: ratio(language, what),
      most: most[language],
    })),
  );
};
