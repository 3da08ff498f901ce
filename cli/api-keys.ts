import { type Command, InvalidArgumentError } from "commander";
import type { CreateOptions, KeyOptions } from "./api-key-verbs.ts";
import type { Exit, Io } from "./io.ts";
import { parseTimeSpan } from "./time-span.ts";

/** Adds `key create`, `key list` and `key revoke`. */
export const registerApiKeys = (key: Command, io: Io, exit: Exit): void => {
  const add = (name: string, description: string) =>
    key
      .command(name)
      .description(description)
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable");

  add("create", "make a key to the HTTP API; it is shown this once")
    .option("--tenant <id>", "confine it to this tenant; absent = an operator's key, for all")
    .requiredOption("--permission <name>", "what it may do; again for more than one", collect)
    .requiredOption("--label <text>", "what it is for")
    .option("--expires-in <time>", "e.g. 90d, 12h or 30m; absent = never", spanOf)
    .action(async (_options, command: Command) => {
      const { create } = await verbs();
      exit(await create(io, command.optsWithGlobals<CreateOptions>()));
    });

  add("list", "keys with what they may do and until when; never the keys themselves")
    .option("--tenant <id>", "only this tenant's; absent = all")
    .action(async (_options, command: Command) => {
      const { list } = await verbs();
      exit(await list(io, command.optsWithGlobals<KeyOptions>()));
    });

  add("revoke", "end a key at once, in every running gateway")
    .option("--tenant <id>", "only if it is this tenant's")
    .argument("<id>", "id of the key, from `key list`")
    .action(async (id: string, _options, command: Command) => {
      const { revoke } = await verbs();
      exit(await revoke(io, command.optsWithGlobals<KeyOptions>(), id));
    });
};

// The other verbs stay quick without the store.
const verbs = () => import("./api-key-verbs.ts");

const collect = (name: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  name,
];

const spanOf = (text: string): number => {
  const ms = parseTimeSpan(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("It must be a number of days, hours or minutes, e.g. 90d.");
};
