import type { Command } from "commander";
import type { AgentOptions } from "./agent-verbs.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";

/** Adds `agent` and its verbs. */
export const registerAgent = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const agent = program
    .command("agent")
    .description("the tenants' agents, which people address as @name");
  const add = (name: string, description: string) =>
    agent
      .command(name)
      .description(description)
      .option("--settings <file>", "settings file")
      .option("--json", "machine-readable");

  add("list", "agents with the model that answers and the skills that each may use")
    .option("--tenant <id>", "only this tenant's; absent = all")
    .action(async (_options, command: Command) => {
      const { list } = await import("./agent-verbs.ts");
      exit(await list(io, command.optsWithGlobals<AgentOptions>()));
    });

  add("route", "which agent, models and skills a text would get, and why; asks no model")
    .requiredOption("--tenant <id>", "whose agents")
    .argument("<text>", "what somebody would write, e.g. '@writer a line about spring'")
    .action(async (text: string, _options, command: Command) => {
      const { route } = await import("./agent-route.ts");
      exit(await route(io, text, command.optsWithGlobals<AgentOptions & { tenant: string }>()));
    });
};
