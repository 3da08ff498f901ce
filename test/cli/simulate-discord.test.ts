import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { createDiscordAdapter } from "../../channels/discord/adapter.ts";
import { GATEWAY_TIMINGS } from "../../channels/discord/gateway.ts";
import { createWebhookListener } from "../../channels/http.ts";
import { registerSimulate } from "../../cli/simulate.ts";
import { type DiscordSimulation, playDiscord } from "../../cli/simulate-discord.ts";
import { settingsSchema } from "../../config/schema.ts";
import { createLeases } from "../../core/channel-state/leases.ts";
import type { ChannelAdapter } from "../../core/contract/channel.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { freePort } from "../fakes/free-port.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const QUICK = {
  ...GATEWAY_TIMINGS,
  owner: { ...GATEWAY_TIMINGS.owner, longestLookupMs: 50, firstRetryMs: 50 },
};
const GUILD = "900000000000000077";
const folder = temporaryFolder();
const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A gateway of which only the channel is there; it says back what was said, and where. */
const gatewayWith = async (discord: object, ending = "") => {
  const [state, log] = [memoryState(), recordedLog()];
  const draft = { bot_token: "the-token", application_id: "5", ...discord };
  const parsed = settingsSchema.parse({ channels: { discord: draft } });
  const bot = parsed.channels.discord;
  if (!bot) throw new Error("no bot");
  const adapter: ChannelAdapter = createDiscordAdapter({
    ...{ bot, state, log, leases: createLeases({ state, log }), boundGuilds: () => [GUILD] },
    ...{ now: () => new Date(), isAlone: true, timings: QUICK },
  });
  const answer = async (message: InboundMessage): Promise<void> => {
    const said = message.content.kind === "text" ? message.content.text : "";
    const markdown = `${said}, in ${message.workspaceId || "private"}${ending}`;
    const bodies = adapter.render({ kind: "text", markdown }, message.target);
    for (const [index, body] of bodies.entries()) {
      const part = { id: `${message.id}/${index}`, target: message.target, body };
      await adapter.send({ ...part, attempt: 1, isRepeat: false }, new AbortController().signal);
    }
  };
  await adapter.start(async (message) => {
    setImmediate(() => void answer(message));
    return { isNew: true, inlineReply: async () => undefined };
  });
  closing.push(() => adapter.stop());
  const server = createServer(
    createWebhookListener([adapter], { log, onRejected: () => {} }, (_request, response) => {
      response.writeHead(404).end();
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const draftOfAll = {
    server: { port },
    channels: { discord: { enabled: true, ...draft } },
    multi_tenant: {
      tenants: [{ id: "a", bindings: [{ channel: "discord", workspace: GUILD }] }],
    },
  };
  writeFileSync(join(folder.path, "settings.json"), JSON.stringify(draftOfAll));
  return settingsSchema.parse(draftOfAll);
};

const play = (settings: DiscordSimulation["settings"], more: Partial<DiscordSimulation> = {}) =>
  playDiscord({
    ...{ settings, source: "settings.json", text: "hello", userId: "800000000000000001" },
    ...{ roles: [], isDirect: false, timeoutMs: 20_000, notice: () => {}, quietMs: 200, ...more },
  });

const away = async () => `http://127.0.0.1:${await freePort()}/api`;

it("plays a person who mentions the bot", async () => {
  const settings = await gatewayWith({ api_base_url: await away() });
  expect(await play(settings)).toMatchObject({ kind: "answered", parts: [`hello, in ${GUILD}`] });
});

it.each([
  [1, "a refusal's code", " [RATE_LIMITED]"],
  [0, "words of the answer's own in brackets", " [TODO]"],
])("exits with %i after an answer that ends with %s", async (expected, _, ending) => {
  await gatewayWith({ api_base_url: await away() }, ending);
  const { code, out } = await runVerb(registerSimulate, folder.path, [
    ...["simulate", "discord", "hello"],
  ]);
  expect([out, code]).toEqual([expect.stringContaining(ending), expected]);
});

it("plays a direct chat", async () => {
  const settings = await gatewayWith({ api_base_url: await away() });
  expect(await play(settings, { isDirect: true })).toMatchObject({ parts: ["hello, in private"] });
});

it("plays a signed command, with a key of one's own", async () => {
  const pair = generateKeyPairSync("ed25519");
  const half = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const file = join(folder.path, "key.pem");
  writeFileSync(file, pair.privateKey.export({ format: "pem", type: "pkcs8" }));
  const settings = await gatewayWith({
    ...{ mode: "interactions", public_key: half.toString("hex"), api_base_url: await away() },
  });
  const without = await play(settings);
  expect(without).toMatchObject({ kind: "misuse" });
  expect(JSON.stringify(without)).toContain("--signing-key");
  expect(await play(settings, { signingKey: file })).toMatchObject({
    parts: [`hello, in ${GUILD}`],
  });
});

it("never plays where the real Discord is", async () => {
  const settings = await gatewayWith({ api_base_url: await away() });
  const { discord } = settings.channels;
  const real = { ...settings, channels: { discord: discord && { ...discord } } };
  if (real.channels.discord) real.channels.discord.api_base_url = "https://discord.com/api";
  expect(await play(real)).toMatchObject({ kind: "misuse" });
});
