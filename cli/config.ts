import type { Command } from "commander";
import type { LoadedSettings } from "../config/load.ts";
import { maskSecrets } from "../config/mask.ts";
import { formatProblem, SettingsError } from "../config/problem.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";

interface ConfigOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Adds `config check` and `config show`. */
export const registerConfig = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const config = program.command("config").description("look at the settings");
  const add = (
    name: string,
    description: string,
    run: (io: Io, options: ConfigOptions) => Promise<number>,
  ) =>
    config
      .command(name)
      .description(description)
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable")
      .action(async (_options: ConfigOptions, command: Command) =>
        exit(await run(io, command.optsWithGlobals<ConfigOptions>())),
      );
  add("check", "say what is wrong with the settings, or that nothing is", configCheck);
  add("show", "print the settings in force, secrets masked", configShow);
};

/** Says whether the settings can be used, with all problems at once. 0 they can, 2 they cannot. */
const configCheck = async (io: Io, options: ConfigOptions): Promise<number> => {
  const loaded = await load(io, options);
  if (loaded instanceof SettingsError) return refuse(io, options, loaded);
  const { source, warnings, notEnforced } = loaded;
  if (options.json) {
    printJson(io, { ok: true, source, problems: [], warnings, not_enforced: notEnforced });
    return 0;
  }
  print(io, `settings ok: ${source}`);
  for (const warning of warnings) print(io, `  warning: ${warning}`);
  for (const path of notEnforced) print(io, `  not enforced yet: ${path}`);
  return 0;
};

/** Prints the settings in force: defaults filled in, secrets masked. */
const configShow = async (io: Io, options: ConfigOptions): Promise<number> => {
  const loaded = await load(io, options);
  if (loaded instanceof SettingsError) return refuse(io, options, loaded);
  if (!options.json) print(io, `// ${loaded.source}`);
  printJson(io, maskSecrets(loaded.settings));
  return 0;
};

const load = async (
  io: Io,
  { settings }: ConfigOptions,
): Promise<LoadedSettings | SettingsError> => {
  try {
    const found = lookAtSettings(io, settings);
    const { startProblem } = await import("./listener.ts");
    const problem = startProblem(found.settings);
    const refusals = problem === undefined ? [] : [`start refuses with these: ${problem}`];
    const ofSkills = await lookAtSkills(found.settings);
    const loaded = { ...found, warnings: [...found.warnings, ...refusals, ...ofSkills] };
    // Lexicons are files of their own, and whom a classifier may judge is no matter of form; most settings have neither.
    if (loaded.settings.moderation) {
      const [{ loadContentRules }, { createLexiconLoader }] = await Promise.all([
        import("./content-rules.ts"),
        import("../core/safety/moderation/load-lexicon.ts"),
      ]);
      const { warnings } = loadContentRules(loaded, createLexiconLoader());
      return { ...loaded, warnings: [...loaded.warnings, ...warnings] };
    }
    return loaded;
  } catch (cause) {
    if (cause instanceof SettingsError) return cause;
    throw cause;
  }
};

/** Skills are folders of their own. */
const lookAtSkills = async (settings: LoadedSettings["settings"]): Promise<readonly string[]> => {
  const [{ loadCatalogue }, { skillFolders }, { skillWarnings }] = await Promise.all([
    import("../skills/catalogue.ts"),
    import("./skill-folders.ts"),
    import("./skill-warnings.ts"),
  ]);
  return skillWarnings(settings, await loadCatalogue(skillFolders(settings)));
};

const refuse = (io: Io, options: ConfigOptions, error: SettingsError): number => {
  const { source, problems } = error;
  if (options.json) {
    printJson(io, { ok: false, source, problems, warnings: [], not_enforced: [] });
    return 2;
  }
  io.stderr.write(`settings not usable: ${source}\n`);
  for (const problem of problems) io.stderr.write(`  ${formatProblem(problem)}\n`);
  return 2;
};

const print = (io: Io, line: string): void => {
  io.stdout.write(`${line}\n`);
};

const printJson = (io: Io, value: unknown): void => print(io, JSON.stringify(value, null, 2));
