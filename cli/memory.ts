import { type Command, InvalidArgumentError } from "commander";
import type { Person } from "../core/memory/person.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { CertificateOptions } from "./memory-certificate.ts";
import type { EraseOptions, MemoryOptions, PersonOptions, SearchOptions } from "./memory-verbs.ts";
import { parseStoredPerson, STORED_PERSON_FORM } from "./person-name.ts";

/** Adds `memory` and its verbs. */
export const registerMemory = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const memory = program
    .command("memory")
    .description("what people asked and were answered, and their rights to it");
  const add = (name: string, description: string) =>
    memory
      .command(name)
      .description(description)
      .requiredOption("--tenant <id>", "whose people")
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable");

  add("search", "find what was asked and answered by its words; that is itself put on record")
    .argument("<words>", "what to look for: words, or two or more Chinese characters")
    .option("--user <person>", "only this person: channel:workspace:user", person)
    .option("--limit <number>", "most results", limit, 20)
    .action(async (words: string, _options, command: Command) => {
      const { search } = await verbs();
      exit(await search(io, words, command.optsWithGlobals<SearchOptions>()));
    });

  add("export", "all that is stored about a person, as JSON; that is itself put on record")
    .requiredOption("--user <person>", "who: channel:workspace:user", person)
    .action(async (_options, command: Command) => {
      const { exportData } = await verbs();
      exit(await exportData(io, command.optsWithGlobals<PersonOptions>()));
    });

  add("erase", "erase a person, or a tenant that is out of the settings; prints a certificate")
    .option("--user <person>", "who: channel:workspace:user; absent = the whole tenant", person)
    .option("--yes", "really: it cannot be undone")
    .action(async (_options, command: Command) => {
      const { erase } = await verbs();
      exit(await erase(io, command.optsWithGlobals<EraseOptions>()));
    });

  memory
    .command("verify")
    .description("check that a certificate of erasure is ours and unchanged; exit 1 = it is not")
    .argument("<file>", "the certificate")
    .option("--public-key <file>", "what it is signed with; absent = the gateway's own key")
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .action(async (file: string, _options, command: Command) => {
      const { verifyCertificate } = await import("./memory-certificate.ts");
      exit(verifyCertificate(io, file, command.optsWithGlobals<CertificateOptions>()));
    });

  for (const [name, description] of [
    ["hold", "keep a person's data, or without --user the whole tenant's, from being erased"],
    ["release", "end such a hold; exit 1 = there is none"],
  ] as const) {
    add(name, description)
      .option("--user <person>", "only this person: channel:workspace:user", person)
      .action(async (_options, command: Command) => {
        const { hold } = await verbs();
        exit(await hold(io, name, command.optsWithGlobals<MemoryOptions>()));
      });
  }
};

const person = (text: string): Person => {
  const found = parseStoredPerson(text);
  if (found) return found;
  throw new InvalidArgumentError(`It must be ${STORED_PERSON_FORM}.`);
};

const MOST = 1_000;

const limit = (text: string): number => {
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MOST) return number;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
};

// The other verbs stay quick without the store.
const verbs = () => import("./memory-verbs.ts");
