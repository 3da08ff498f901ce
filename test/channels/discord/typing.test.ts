import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { discordTarget } from "../../../channels/discord/target.ts";
import { type DiscordRest, startDiscordRest } from "../../fakes/discord-rest.ts";
import { type Bench, newBench } from "./deliver.ts";

const ROOM = "800000000000000001";
/** However slow the machine is. */
const POLL = { timeout: 20_000, interval: 10 };

let discord: DiscordRest;
let bench: Bench;

beforeEach(async () => {
  discord = await startDiscordRest();
  discord.channels.set(ROOM, { id: ROOM, type: 1 });
  // Only what waits to be shown: connections keep their own time.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  bench = newBench(discord);
});

afterEach(async () => {
  bench.close();
  vi.useRealTimers();
  await discord.close();
});

const ask = () => discordTarget({ channelId: ROOM, replyTo: discord.write(ROOM, {}).id });
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const answer = (target: ReturnType<typeof ask>) =>
  bench.deliver(target, { kind: "text", markdown: "done" });

describe("typing", () => {
  it("is shown from a second on, every eight, until the answer is there", async () => {
    const target = ask();
    bench.sender.working(target, "en");
    await pass(999);
    expect(discord.typing).toEqual([]);
    await pass(1);
    await expect.poll(() => discord.typing, POLL).toEqual([ROOM]);
    await vi.waitFor(async () => {
      await pass(8_000);
      expect(discord.typing.length).toBeGreaterThan(1);
    }, POLL);
    expect(await answer(target)).toEqual(["delivered"]);
    const shown = discord.typing.length;
    await pass(60_000);
    expect(discord.typing).toHaveLength(shown);
  });

  it("is not shown where the answer is there at once, nor without end where there is none", async () => {
    const [quick, silent] = [ask(), ask()];
    bench.sender.working(quick, "en");
    bench.sender.working(silent, "en");
    expect(await answer(quick)).toEqual(["delivered"]);
    bench.sender.silent(silent);
    await pass(60_000);
    expect(discord.typing).toEqual([]);
  });

  it("is not tried again where the bot may not", async () => {
    discord.failNext("POST /channels/:id/typing", { status: 403, code: 50001 });
    bench.sender.working(ask(), "en");
    await pass(1_000);
    const calls = () => discord.callsOf("POST /channels/:id/typing");
    await expect.poll(() => calls()[0]?.status, POLL).toBe(403);
    await pass(60_000);
    expect(calls()).toHaveLength(1);
  });
});
