import { Command, CommanderError } from "commander";
import { formatProblem, SettingsError } from "../config/problem.ts";
import { GatewayError } from "../core/contract/errors.ts";
import type { Io } from "./io.ts";
import { version } from "./package-root.ts";
import { VERBS } from "./verbs.ts";

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
};

// A reader that went away (`… | head`) must not take the gateway down with it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const program = new Command("clawgate")
  .description("the gateway between a company's chat tools and its AI agent")
  .version(version())
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError("(--help lists what there is)")
  .exitOverride();
for (const register of VERBS) register(program, io);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says what went wrong; the exit code: 0 help was asked for, 1 the answer is no, 2 misuse. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SettingsError) {
    io.stderr.write(`settings not usable: ${error.source}\n`);
    for (const problem of error.problems) io.stderr.write(`  ${formatProblem(problem)}\n`);
    return 2;
  }
  if (error instanceof GatewayError) {
    io.stderr.write(`clawgate: ${error.message}\n`);
    return error.code === "START_REFUSED" ? 2 : 1;
  }
  io.stderr.write(`clawgate: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}
