import { type Command, Option } from "commander";
import type { AuditOptions, ExportOptions, VerifyOptions } from "./audit-verbs.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";

const FORMATS: readonly ExportOptions["format"][] = ["ndjson", "csv"];

/** Adds `audit` and its verbs. */
export const registerAudit = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const audit = program
    .command("audit")
    .description("the record of who did what, and the proof that nobody changed it");
  const add = (name: string, description: string) =>
    audit.command(name).description(description).option("--settings <file>", "settings file");

  add(
    "verify",
    "check every record's link, and say each tenant's first bad place; exit 1 = there is one",
  )
    .option("--tenant <id>", "only this tenant's log; absent = everybody's")
    .option("--checkpoints <file>", "what the log must agree with; absent = the gateway's own file")
    .option(
      "--public-key <file>",
      "what checkpoints are signed with; absent = the gateway's own key",
    )
    .option("--json", "machine-readable")
    .action(async (_options, command: Command) => {
      const { verify } = await verbs();
      exit(await verify(io, command.optsWithGlobals<VerifyOptions>()));
    });

  add("export", "write a tenant's log to stdout, oldest first; that is itself put on record")
    .requiredOption("--tenant <id>", "whose; _platform = what belongs to no tenant")
    .addOption(
      new Option("--format <format>", "form of the records").choices(FORMATS).default("ndjson"),
    )
    .option("--from <when>", "a day in the tenant's time zone, or an instant with its offset")
    .option("--to <when>", "a day, which is included, or an instant")
    .option("--actor <id>", "only what this person, API key or `cli` did")
    .option("--action <name>", "only this, e.g. skill.run")
    .action(async (_options, command: Command) => {
      const { exportLog } = await verbs();
      exit(await exportLog(io, command.optsWithGlobals<ExportOptions>()));
    });

  add("public-key", "print the key that checkpoints are checked with, to keep elsewhere").action(
    async (_options, command: Command) => {
      const { publicKey } = await verbs();
      exit(publicKey(io, command.optsWithGlobals<AuditOptions>()));
    },
  );
};

// The other verbs stay quick without the store.
const verbs = () => import("./audit-verbs.ts");
