import type { Command } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { ExplainOptions } from "./sandbox-explain.ts";
import { addPolicyVerbs } from "./sandbox-policy.ts";
import type { ProbeOptions } from "./sandbox-probe.ts";
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

  sandbox
    .command("probe")
    .description("try every engine on this machine; exit code 1 when the configured one fails")
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .action(async (_options, command: Command) => {
      const { probe } = await import("./sandbox-probe.ts");
      exit(await probe(io, command.optsWithGlobals<ProbeOptions>()));
    });

  sandbox
    .command("explain")
    .description("say in words what the runs of a tenant, or of one of its skills, may do")
    .argument("<tenant>", "id of the tenant")
    .argument("[skill]", "name of a skill; absent = all of the tenant's")
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .action(async (tenant: string, skill: string | undefined, _options, command: Command) => {
      const { explain } = await import("./sandbox-explain.ts");
      exit(await explain(io, command.optsWithGlobals<ExplainOptions>(), tenant, skill));
    });

  addPolicyVerbs(sandbox, io, exit);
};
