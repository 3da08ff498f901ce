import { Command, CommanderError } from "commander";
import { formatProblem, SettingsError } from "../config/problem.ts";
import { GatewayError } from "../core/contract/errors.ts";
import { addExamples } from "./examples.ts";
import type { Io } from "./io.ts";
import { version } from "./package-root.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import { VERBS } from "./verbs.ts";

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
};

// A reader that went away (`… | head`) has had enough, and must not take the gateway down with it.
const isReaderGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EPIPE";

let unwritten: Error | undefined;
process.stderr.on("error", () => {});
process.stdout.on("error", (error: Error) => {
  if (!isReaderGone(error)) unwritten = error;
});

// Known before the command line is: what is wrong with it is for the same reader.
const words = process.argv.slice(2);
const json = words.slice(0, [...words, "--"].indexOf("--")).includes("--json");

const program = new Command("clawgate")
  .description("the gateway between a company's chat tools and its AI agent")
  .version(version())
  .configureHelp({ showGlobalOptions: true })
  .configureOutput(json ? { writeErr: () => {} } : {})
  .showHelpAfterError("(--help lists what there is)")
  .exitOverride();
for (const register of VERBS) register(program, io);
addExamples(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Only now is it known of all that was written.
process.once("beforeExit", () => {
  if (!unwritten || process.exitCode) return;
  io.stderr.write(`clawgate: the output is not complete: ${unwritten.message}\n`);
  process.exitCode = 1;
});

/** Says what went wrong; the exit code: 0 help was asked for, 1 the answer is no, 2 misuse. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    const isHelp = error.code === "commander.help";
    const problem = isHelp ? "which verb? --help lists them" : error.message;
    return json ? sayNo(io, { json }, MISUSE, problem.replace(/^error: /, "")) : 2;
  }
  if (error instanceof SettingsError) {
    const { code, source, problems } = error;
    const title = `settings not usable: ${source}`;
    if (json) sayNo(io, { json }, code, title, { source, problems });
    else {
      const lines = problems.map((problem) => `  ${formatProblem(problem)}\n`);
      io.stderr.write(`${title}\n${lines.join("")}`);
    }
    return 2;
  }
  if (isReaderGone(error)) return 0;
  const problem = error instanceof Error ? error.message : String(error);
  const code = error instanceof GatewayError ? error.code : "FAILED";
  sayNo(io, { json }, code, problem);
  if (code === "STORE_FAILED" && !json) io.stderr.write("(`clawgate doctor` says what to do)\n");
  return code === "START_REFUSED" ? 2 : 1;
}
