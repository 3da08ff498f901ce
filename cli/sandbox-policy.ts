import type { Command } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { ExplainOptions, ExportOptions, ImportOptions } from "./sandbox-policy-verbs.ts";

/** Adds `policy` and its verbs to `sandbox`. */
export const addPolicyVerbs = (parent: Command, io: Io, exit: Exit = setExitCode): void => {
  const policy = parent
    .command("policy")
    .description("NVIDIA OpenShell policies: take one over, write one, say what one allows");

  policy
    .command("import")
    .description("print the `openshell` settings that a policy means, and what becomes of each key")
    .argument("<file>", "OpenShell policy (YAML)")
    .option("-o, --output <file>", "write the settings there; must not exist yet")
    .option("--strict", "take the policy only when all of it is held: else exit code 1")
    .option("--json", "machine-readable")
    .action(async (file: string, _options, command: Command) => {
      const { importPolicy } = await verbs();
      exit(await importPolicy(io, file, command.optsWithGlobals<ImportOptions>()));
    });

  policy
    .command("export")
    .description("print the policy that the settings mean, and what becomes of each key")
    .option("--settings <file>", "settings file")
    .option("-o, --output <file>", "write the policy there; must not exist yet")
    .option("--strict", "write the policy only when it says all of the settings: else exit code 1")
    .option("--json", "machine-readable")
    .action(async (_options, command: Command) => {
      const { exportSettings } = await verbs();
      exit(await exportSettings(io, command.optsWithGlobals<ExportOptions>()));
    });

  policy
    .command("explain")
    .description("say in words what a policy, or else the settings, let a run do")
    .argument("[file]", "OpenShell policy (YAML); absent = the settings")
    .option("--settings <file>", "settings file")
    .option("--strict", "exit code 1 when something of the policy is not held")
    .option("--json", "machine-readable")
    .action(async (file: string | undefined, _options, command: Command) => {
      const { explain } = await verbs();
      exit(await explain(io, file, command.optsWithGlobals<ExplainOptions>()));
    });
};

// The other verbs stay quick without YAML.
const verbs = () => import("./sandbox-policy-verbs.ts");
