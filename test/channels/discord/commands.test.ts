import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerCommands } from "../../../channels/discord/commands.ts";
import { createRest, type Rest } from "../../../channels/discord/rest.ts";
import { type DiscordRest, startDiscordRest } from "../../fakes/discord-rest.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";

let discord: DiscordRest;
let rest: Rest;
let log: RecordedLog;

beforeEach(async () => {
  discord = await startDiscordRest();
  log = recordedLog();
  const now = () => new Date();
  rest = createRest({ baseUrl: discord.apiBaseUrl, token: discord.token, now, timeoutMs: 20_000 });
});

afterEach(async () => {
  rest.close();
  await discord.close();
});

const register = () => registerCommands(rest, discord.applicationId, log);
const puts = () => discord.callsOf("PUT /applications/:id/commands");

describe("registerCommands", () => {
  it("registers once, and not again at the next start", async () => {
    await register();
    await register();
    expect(puts()).toHaveLength(1);
    expect(discord.commands).toMatchObject([{ name: "ask", options: [{ name: "question" }, {}] }]);
  });

  it("registers again what was changed, and leaves an operator's own commands", async () => {
    await register();
    const [ask] = discord.commands;
    discord.commands = [
      { ...ask, description: "changed" },
      { id: "1", name: "theirs", type: 1, description: "An operator's" },
    ];
    await register();
    expect(puts()).toHaveLength(2);
    const names = discord.commands.map(({ name, description }) => [name, description]);
    expect(names).toEqual([
      ["theirs", "An operator's"],
      ["ask", "Ask the assistant"],
    ]);
  });

  it("keeps to Discord's limits of names and descriptions", async () => {
    await register();
    const options = discord.commands.flatMap((each) => each.options as readonly (typeof each)[]);
    for (const { name, description } of [...discord.commands, ...options]) {
      expect(name).toMatch(/^[-_'\p{Ll}\p{N}]{1,32}$/u);
      expect(String(description).length).toBeLessThanOrEqual(100);
    }
  });

  it("says that it could not, and goes on", async () => {
    discord.failNext("GET /applications/:id/commands", { status: 500 });
    await register();
    expect(puts()).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "warn", text: "slash commands not registered" }]);
  });
});
