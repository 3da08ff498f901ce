import { Command, CommanderError } from "commander";
import type { Exit, Io } from "../../cli/io.ts";
import { createIo } from "./captured-io.ts";

/** Runs one verb as `clawgate` would; 2 stands for a command line that it refused. */
export const runVerb = async (
  register: (program: Command, io: Io, exit: Exit) => void,
  cwd: string,
  words: readonly string[],
) => {
  const { io, out, err } = createIo(cwd);
  let code: number | undefined;
  let usage = "";
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (usage += text), writeOut: (text) => (usage += text) });
  register(program, io, (given) => {
    code = given;
  });
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    code = cause.exitCode === 0 ? 0 : 2;
  }
  return { code, out: out(), err: `${err()}${usage}` };
};
