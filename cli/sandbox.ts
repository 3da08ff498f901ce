import type { Command } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { RunOptions } from "./sandbox-run.ts";

/** Adds `sandbox` and its verbs. */
export const registerSandbox = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const sandbox = program
    .command("sandbox")
    .description("the sandbox that skills run in: try it, run one job, say what is allowed");

  sandbox
    .command("run")
    .description("run one job as a file says and write what came of it into another")
    .requiredOption("--config <file>", "the `openshell` object: what a job may do")
    .requiredOption("--request <file>", "the job: tenant, language, source, limits …")
    .requiredOption(
      "--result <file>",
      "written in one piece; the record goes to <file>.audit.jsonl",
    )
    .action(async (_options, command: Command) => {
      // Each verb is loaded alone: a run has to start fast.
      const { runOne } = await import("./sandbox-run.ts");
      exit(await runOne(io, command.opts<RunOptions>()));
    });
};
