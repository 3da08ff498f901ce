import { type Command, InvalidArgumentError, Option } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { ListOptions, QueueOptions } from "./queue-verbs.ts";

const STATES: readonly NonNullable<ListOptions["state"]>[] = ["waiting", "sending", "dead"];
const MOST = 500;

/** Adds `queue` and its verbs. */
export const registerQueue = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const queue = program
    .command("queue")
    .description("messages that wait, are being sent, or are dead; beside a running gateway");
  const add = (name: string, description: string) =>
    queue
      .command(name)
      .description(description)
      .option("--settings <file>", "settings file")
      .option("--tenant <id>", "only this tenant's messages; absent = everybody's")
      .option("--json", "machine-readable");

  add("list", "what is not done, oldest first, and a summary; never what people wrote")
    .addOption(new Option("--state <state>", "only these").choices(STATES))
    .option("--limit <count>", `most to show, up to ${MOST}`, limitOf, 50)
    .option("--cursor <id>", "go on behind this message", idOf)
    .action(async (_options, command: Command) => {
      const { list } = await verbs();
      exit(await list(io, command.optsWithGlobals<ListOptions>()));
    });

  for (const [name, description] of OF_ONE) {
    add(name, description)
      .argument("<id>", "id of the message, from `queue list`", idOf)
      .action(async (id: number, _options, command: Command) => {
        const run = (await verbs())[name];
        exit(await run(io, command.optsWithGlobals<QueueOptions>(), id));
      });
  }

  add("recall", "take back an answer: nothing more of it goes out, and what arrived is withdrawn")
    .argument("<id>", "id of the message, or the platform's id of it from `audit export`", whichOf)
    .action(async (which: number | string, _options, command: Command) => {
      const { recall } = await import("./queue-recall.ts");
      exit(await recall(io, command.optsWithGlobals<QueueOptions>(), which));
    });
};

// The other verbs stay quick without the store.
const verbs = () => import("./queue-verbs.ts");

const OF_ONE = [
  ["show", "one message: parts of its reply, tries, times, reasons"],
  ["replay", "let a dead message go on: with the reply that it has, or else with a new turn"],
  ["drop", "give up a message that nobody works on; its sender gets no answer"],
] as const;

const idOf = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(
    "It is not the id of a message: a whole number from `queue list`.",
  );
};

/** A platform's ids have more digits, or other characters. */
const whichOf = (text: string): number | string => {
  if (text.trim() === "") throw new InvalidArgumentError("It is empty; `queue list` shows ids.");
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
};

const limitOf = (text: string): number => {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST) return limit;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
};
