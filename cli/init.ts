import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { INIT_VARIABLES, renderInitSettings } from "./init-settings.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";
import { shellQuote } from "./shell-quote.ts";

interface InitOptions {
  readonly force?: boolean | undefined;
  /** Where to write; `settings.json` when absent. */
  readonly out?: string | undefined;
}

/** Adds `init`. */
export const registerInit = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  program
    .command("init")
    .description("write a commented settings.json for one real WeCom app")
    .option("--out <file>", "where to write", "settings.json")
    .option("--force", "overwrite an existing file")
    .action(async (options: InitOptions) => exit(await init(io, options)));
};

/** Writes the settings file, 0600, and says what to do next. 0 written, 2 there is one already. */
const init = async (io: Io, { force, out = "settings.json" }: InitOptions): Promise<number> => {
  const file = resolve(io.cwd, out);
  try {
    writeFileSync(file, renderInitSettings(), { mode: 0o600, flag: force ? "w" : "wx" });
    // The mode above counts for a new file only.
    chmodSync(file, 0o600);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    io.stderr.write(
      code === "EEXIST"
        ? `init: ${file} exists already and was left as it is; --force overwrites it\n`
        : `init: ${file} could not be written (${code}); choose another place with --out FILE\n`,
    );
    return 2;
  }
  const next = [
    `written: ${file}`,
    ...demoLeft(join(dirname(file), "data")),
    "next:",
    "  1. set the variables (the WeCom admin console shows their values):",
    ...INIT_VARIABLES.map(({ name, meaning }) => `       export ${name}=…   # ${meaning}`),
    `  2. npx clawgate config check --settings ${shellQuote(file)}`,
    `  3. npx clawgate start --settings ${shellQuote(file)}`,
    "  4. in the console, save the callback URL: https://<your host>/api/wechat/callback",
  ];
  io.stdout.write(`${next.join("\n")}\n`);
  return 0;
};

/** The settings above keep their data where the demo did. */
const demoLeft = (folder: string): readonly string[] =>
  existsSync(join(folder, "demo.json"))
    ? [`note: ${folder} holds what the demo stored, with its API keys; remove it before you start`]
    : [];
