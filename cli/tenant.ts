import type { Command } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import type { TenantOptions } from "./tenant-verbs.ts";
import type { WhoOptions } from "./tenant-who.ts";

/** Adds `tenant` and its verbs. */
export const registerTenant = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const tenant = program
    .command("tenant")
    .description("the tenants, what the settings decide for them, and who belongs to which");
  const add = (name: string, description: string) =>
    tenant
      .command(name)
      .description(description)
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable");

  add("list", "every tenant of the settings").action(async (_options, command: Command) => {
    const { list } = await import("./tenant-verbs.ts");
    exit(list(io, command.optsWithGlobals<TenantOptions>()));
  });

  add("show", "all that the settings decide for a tenant, and what this month has cost so far")
    .argument("<tenant>", "id of the tenant")
    .action(async (id: string, _options, command: Command) => {
      const { show } = await import("./tenant-verbs.ts");
      exit(await show(io, id, command.optsWithGlobals<TenantOptions>()));
    });

  add("who", "whose tenant somebody is in and what they may do, and why; exit 1 = may not chat")
    .argument("<person>", "channel:workspace:user, e.g. wechat_work:wwcorp:zhangsan")
    .option("--department <id-or-name>", "a department of theirs; again for each", collect)
    .option("--group <id>", "a Slack user group or WeCom tag of theirs; again for each", collect)
    .option("--role <id>", "a role of theirs on the platform; again for each", collect)
    .option("--conversation <id>", "where they write")
    .action(async (person: string, _options, command: Command) => {
      const { who } = await import("./tenant-who.ts");
      exit(await who(io, person, command.optsWithGlobals<WhoOptions>()));
    });
};

const collect = (name: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  name,
];
