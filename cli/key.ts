import type { Command } from "commander";
import { registerApiKeys } from "./api-keys.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";
import { registerKeyRotate } from "./key-rotate.ts";

/** Adds `key` and its verbs. */
export const registerKey = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const key = program.command("key").description("keys to the stored data and to the API");
  registerApiKeys(key, io, exit);
  registerKeyRotate(key, io, exit);
};
