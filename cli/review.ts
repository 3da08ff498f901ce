import { type Command, InvalidArgumentError } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { ListOptions, ReviewOptions } from "./review-verbs.ts";

const MOST = 500;

/** Adds `review` and its verbs. */
export const registerReview = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const review = program
    .command("review")
    .description("what is held until a person has looked at it; beside a running gateway");
  const add = (name: string, description: string) =>
    review
      .command(name)
      .description(description)
      .requiredOption("--tenant <id>", "whose reviews")
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable");

  add("list", "what waits, the longest first, with what was written")
    .option("--limit <count>", `most to show, up to ${MOST}`, limitOf, 50)
    .action(async (_options, command: Command) => {
      const { list } = await verbs();
      exit(await list(io, command.optsWithGlobals<ListOptions>()));
    });

  for (const [verdict, description] of DECISIONS) {
    add(verdict, description)
      .argument("<id>", "id of the review, from `review list`")
      .action(async (id: string, _options, command: Command) => {
        const { decide } = await verbs();
        exit(await decide(io, command.optsWithGlobals<ReviewOptions>(), id, verdict));
      });
  }
};

// The other verbs stay quick without the store.
const verbs = () => import("./review-verbs.ts");

const DECISIONS = [
  ["release", "let it go on: a message has its turn, an answer is sent"],
  ["reject", "stop it for good; its sender is told"],
] as const;

const limitOf = (text: string): number => {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST) return limit;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
};
