import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiscordAdapter } from "../../../channels/discord/adapter.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { type DiscordRest, type RestFault, startDiscordRest } from "../../fakes/discord-rest.ts";
import { recordedLog } from "../../fakes/log.ts";
import { type Bench, newBench } from "./deliver.ts";

const GUILD = "600000000000000001";
const ANN = "500000000000000001";
const notice = { kind: "text", markdown: "a notice" } as const;

let discord: DiscordRest;
let bench: Bench;

beforeEach(async () => {
  discord = await startDiscordRest();
  bench = newBench(discord);
});

afterEach(async () => {
  bench.close();
  await discord.close();
});

const targetOf = (guildId: string, userId: string, token?: string): ReplyTarget | undefined => {
  const log = recordedLog();
  const state = memoryState();
  const adapter = createDiscordAdapter({
    bot: {
      ...{ mode: "interactions", bot_token: token, application_id: discord.applicationId },
      ...{ public_key: "ab".repeat(32), webhook_path: "/d", api_base_url: discord.apiBaseUrl },
    },
    ...{ state, log, leases: createLeases({ state, log }), boundGuilds: () => [GUILD] },
    now: () => new Date(),
  });
  return adapter.directTarget?.(guildId, userId);
};

const toAnn = (): ReplyTarget => {
  const target = targetOf(GUILD, ANN, discord.token);
  if (!target) throw new Error("nobody can be told there");
  return target;
};

/** What Ann sees. */
const seen = () =>
  [...discord.channels.values()]
    .filter(({ recipient }) => recipient === ANN)
    .flatMap(({ id }) => discord.said(String(id)));

describe("what somebody in Discord is told unasked", () => {
  it("stands in a direct chat that is opened for it, and answers nothing", async () => {
    expect(await bench.deliver(toAnn(), notice)).toEqual(["delivered"]);
    expect(seen().map(({ content }) => content)).toEqual(["a notice"]);
    expect(discord.callsOf("POST /channels/:id/messages")[0]?.body).not.toHaveProperty(
      "message_reference",
    );
  });

  it.each<[string, string, RestFault]>([
    ["the chat cannot be opened at first", "POST /users/@me/channels", { status: 500 }],
    ["the chat is opened too often", "POST /users/@me/channels", { limitS: 0.2 }],
    ["the message is lost", "POST /channels/:id/messages", { status: 500 }],
    ["it arrives all the same", "POST /channels/:id/messages", { status: 500, isDone: true }],
  ])("is seen once although %s", async (_, call, fault) => {
    discord.failNext(call, fault);
    const ends = await bench.deliver(toAnn(), notice);
    expect(ends.at(-1)).toBe("delivered");
    expect(seen()).toHaveLength(1);
  });

  it("is given up where the person takes no messages of ours", async () => {
    discord.failNext("POST /channels/:id/messages", { status: 403, code: 50_007 });
    expect(await bench.deliver(toAnn(), notice)).toEqual(["refused"]);
  });

  it("has no address without a bot token, nor for what is no id", () => {
    expect(targetOf(GUILD, ANN)).toBeUndefined();
    expect(targetOf(GUILD, "@everyone", discord.token)).toBeUndefined();
    expect(targetOf("guild", ANN, discord.token)).toBeUndefined();
  });
});
