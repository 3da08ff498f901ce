import { type Command, Option } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { DlpVerbOptions } from "./policy-dlp.ts";
import type { ExplainOptions } from "./policy-explain.ts";
import type { ModerationOptions } from "./policy-moderation.ts";

/** Adds `policy` and its verbs. */
export const registerPolicy = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const policy = program
    .command("policy")
    .description("what tenants allow, and what the content rules make of texts");

  policy
    .command("explain")
    .description("say in plain words what a tenant allows: people, skills, models, data, content")
    .argument("<tenant>", "id of the tenant")
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .action(async (tenant: string, _options, command: Command) => {
      const { explainPolicy } = await import("./policy-explain.ts");
      exit(explainPolicy(io, tenant, command.optsWithGlobals<ExplainOptions>()));
    });

  policy
    .command("moderation")
    .description('read {"id","text"} lines, write {"id","action","hits"} lines: which terms hit')
    .requiredOption("--jsonl", "one JSON object a line, in and out")
    .option("--lexicon <file>", "the terms; absent = the lexicons of a tenant of the settings")
    .option("--settings <file>", "settings file")
    .option("--tenant <id>", "whose lexicons; needed when the settings have several tenants")
    .action(async (_options, command: Command) => {
      // Each verb is loaded alone: none needs what the others do.
      const { moderateLines } = await import("./policy-moderation.ts");
      exit(await moderateLines(io, command.optsWithGlobals<ModerationOptions>(), process.stdin));
    });

  policy
    .command("dlp")
    .description(
      'read {"id","text"} lines, write {"id","action","entities"} lines: what data is in them',
    )
    .requiredOption("--jsonl", "one JSON object a line, in and out")
    .option("--settings <file>", "settings whose rules count too; absent = built-in detectors only")
    .option("--tenant <id>", "judge as for this tenant of the settings")
    .addOption(
      new Option("--direction <direction>", "what goes to models and skills, or to people")
        .choices(["in", "out"])
        .default("in"),
    )
    .action(async (_options, command: Command) => {
      const { inspectLines } = await import("./policy-dlp.ts");
      exit(await inspectLines(io, command.optsWithGlobals<DlpVerbOptions>(), process.stdin));
    });
};
