import { describe, expect, it, vi } from "vitest";
import { createWecomAdapter } from "../../../../channels/wecom/adapter.ts";
import { toMediaRef } from "../../../../channels/wecom/bot/media-ref.ts";
import { wecomBots, wecomLinkedBots } from "../../../../config/wecom-apps.ts";
import { load } from "../../../config/workspace.ts";
import { memoryState } from "../../../fakes/channel-state.ts";
import { recordedLog } from "../../../fakes/log.ts";
import { encryptedFile, newCloudBot } from "../../../fakes/wecom-bot-envelope.ts";

const hooked = newCloudBot({ id: "aibHOOKED" });
const KEY = newCloudBot().encodingAesKey;

/** The adapter of these settings, with both kinds of bots. */
const adapterOf = (wecom: object) => {
  const { id, token, encodingAesKey: encoding_aes_key } = hooked;
  const bots = [
    { id, token, encoding_aes_key },
    { bot_id: "aibLINKED", secret: "s" },
  ];
  const { settings } = load({ channels: { wechat_work: { bots, ...wecom } } });
  const file = encryptedFile(Buffer.from("hello"), KEY);
  const fetch = vi.fn(async (_url: string | URL | Request) => new Response(new Uint8Array(file)));
  const log = recordedLog();
  const adapter = createWecomAdapter({
    ...{ apps: [], bots: wecomBots(settings), fetch, log },
    linked: {
      bots: wecomLinkedBots(settings),
      leases: { acquire: async () => undefined },
    },
    ...{ now: () => new Date(), state: memoryState() },
  });
  const open = (appId: string, url: string) =>
    adapter.openAttachment?.(
      { channel: "wechat_work", workspaceId: appId, appId, address: "wei", replyTo: "1" },
      { kind: "file", name: "file", ref: toMediaRef(url, `${KEY}=`) },
      new AbortController().signal,
    );
  return { open, fetch, log };
};

describe.each(["aibHOOKED", "aibLINKED"])("a file that %s is sent", (botId) => {
  it("is fetched from the hosts of the settings, and from Tencent's where they name none", async () => {
    const tencent = "https://bucket-1.cos.ap-guangzhou.myqcloud.com/f";
    expect(await new Response(await adapterOf({}).open(botId, tencent)).text()).toBe("hello");
    const own = adapterOf({ file_hosts: ["*.Example.com"] });
    const file = await own.open(botId, "https://files.example.com/f");
    expect(await new Response(file).text()).toBe("hello");
    await expect(own.open(botId, tencent)).rejects.toMatchObject({ reason: "not_allowed" });
    expect(own.fetch).toHaveBeenCalledOnce();
  });

  it("attack: leads the gateway to no host that nobody configured", async () => {
    const { open, fetch, log } = adapterOf({});
    const foreign = open(botId, "https://evil.example.org/f?sign=SECRET");
    await expect(foreign).rejects.toMatchObject({ reason: "not_allowed" });
    expect(fetch).not.toHaveBeenCalled();
    expect(log.lines).toMatchObject([
      { level: "error", fields: { botId, from: "https://evil.example.org" } },
    ]);
  });
});
