import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWebhookListener } from "../../channels/http.ts";
import { createWecomAdapter } from "../../channels/wecom/adapter.ts";
import { examineWecom } from "../../cli/doctor-wecom.ts";
import { settingsSchema } from "../../config/schema.ts";
import { type ProcessLease, takeProcessLease } from "../../core/delivery/process-lease.ts";
import { openStore } from "../../core/store/open-store.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { eventually } from "../fakes/eventually.ts";
import { freePort } from "../fakes/free-port.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { wecomBotOf } from "../fakes/wecom-bot.ts";
import { newCloudBot } from "../fakes/wecom-bot-envelope.ts";
import { startWecomLinkServer, type WecomLinkServer } from "../fakes/wecom-link-server.ts";

const cloudBot = newCloudBot();
const previous = [{ token: "oldToken", encoding_aes_key: "B".repeat(43) }];
const folder = temporaryFolder();
let cloud: WecomLinkServer;
let gateway: Server;
let health: object;
let undo: (() => Promise<unknown>)[];

beforeEach(async () => {
  undo = [];
  cloud = await startWecomLinkServer({ aibLINK: "its secret" });
  const log = recordedLog();
  const adapter = createWecomAdapter({
    ...{ apps: [], bots: [wecomBotOf(cloudBot, { previous })], log },
    ...{ now: () => new Date(), state: memoryState() },
  });
  const others: RequestListener = (_, response) => void response.end(JSON.stringify(health));
  gateway = createServer(createWebhookListener([adapter], { log, onRejected: () => {} }, others));
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
  gateway.closeAllConnections();
  gateway.close();
  await cloud.close();
});

const examine = async (bots: readonly object[]) => {
  const { port } = gateway.address() as AddressInfo;
  const settings = settingsSchema.parse({
    server: { port },
    storage: { url: `file:${folder.path}/store` },
    channels: { wechat_work: { api_base_url: cloud.url.replace("ws:", "http:"), bots } },
  });
  const findings = await examineWecom(settings);
  return (check: string) => findings.find((finding) => finding.check === check);
};

const hooked = {
  id: cloudBot.id,
  token: cloudBot.token,
  webhook_path: "/api/wechat/bot",
  previous,
};
const aes = { encoding_aes_key: cloudBot.encodingAesKey };
const linked = () => ({ bot_id: "aibLINK", secret: "its secret", ws_url: cloud.url });

/** As a gateway does that runs on the same store. */
const runGateway = async (): Promise<ProcessLease> => {
  const store = await openStore({ url: `file:${folder.path}/store`, migrateUrl: undefined });
  undo.push(store.close);
  const now = () => new Date();
  const lease = await takeProcessLease({ store, now, log: recordedLog(), isAlone: true });
  await lease.setListening(true);
  undo.push(lease.release);
  return lease;
};

describe("the checks of WeCom's intelligent bots", () => {
  it("play the console's check to a bot's callback with every key pair", async () => {
    const found = await examine([{ ...hooked, ...aes }]);
    expect(found("bot url")).toMatchObject({
      ...{
        state: "ok",
        text: expect.stringMatching(/\/api\/wechat\/bot answers, with 2 key pairs/),
      },
    });
    expect(found("callback")).toBeUndefined();
  });

  it("see that the running gateway has other keys for a bot", async () => {
    const found = await examine([{ ...hooked, ...aes, token: "another" }]);
    expect(found("bot url")).toMatchObject({ state: "bad", text: expect.stringContaining("403") });
  });

  it("subscribe where no gateway runs, and leave again", async () => {
    const found = await examine([linked()]);
    expect(found("bot link")).toMatchObject({ state: "ok" });
    expect(cloud.frames.map(({ cmd }) => cmd)).toEqual(["aibot_subscribe"]);
    await eventually(() => expect(cloud.isSubscribed("aibLINK")).toBe(false));
  });

  it("tell a wrong secret from a place that cannot be reached, and hold neither", async () => {
    const wrong = (await examine([{ ...linked(), secret: "PLANTED" }]))("bot link");
    expect(wrong).toMatchObject({ state: "bad", text: expect.stringContaining("853000") });
    expect(JSON.stringify(wrong)).not.toContain("PLANTED");
    const away = await examine([{ ...linked(), ws_url: `ws://127.0.0.1:${await freePort()}` }]);
    expect(away("bot link")).toMatchObject({
      ...{ state: "unknown", text: expect.stringContaining("ECONNREFUSED") },
    });
  });

  it("do not displace a running gateway, and say what it says", async () => {
    const lease = await runGateway();
    health = { checks: { "channels.wechat_work": { ok: true } } };
    expect((await examine([linked()]))("bot link")?.state).toBe("ok");
    health = { checks: { "channels.wechat_work": { ok: false, reason: "displaced" } } };
    expect((await examine([linked()]))("bot link")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining("displaced") },
    });
    health = {};
    expect((await examine([linked()]))("bot link")).toMatchObject({
      ...{ state: "unknown", text: expect.stringContaining("would displace") },
    });
    expect(cloud.connections()).toBe(0);
    await lease.release();
    expect((await examine([linked()]))("bot link")?.text).toContain("subscribed");
  });
});
