import { describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../../channels/wecom/adapter.ts";
import type { WebhookRequest } from "../../../core/contract/channel.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { wecomBotOf } from "../../fakes/wecom-bot.ts";
import { botRequest, newCloudBot } from "../../fakes/wecom-bot-envelope.ts";
import { newCloudApp } from "../../fakes/wecom-cloud.ts";
import { callbackRequest, textMessage } from "../../fakes/wecom-envelope.ts";

const ours = newCloudApp({ corpId: "wwours00000000001" });
const theirs = newCloudApp({ corpId: "wwtheirs000000001" });
const bot = newCloudBot();

/** One gateway for both corps; the bot is ours. */
const started = async () => {
  const received: InboundMessage[] = [];
  const adapter = createWecomAdapter({
    apps: [
      wecomAppOf(ours, { webhook_path: "/ours" }),
      wecomAppOf(theirs, { webhook_path: "/theirs" }),
    ],
    bots: [{ ...wecomBotOf(bot), corp_id: ours.corpId, webhook_path: "/bot" }],
    log: recordedLog(),
    now: () => new Date(),
    state: memoryState(),
    inlineMs: 0,
  });
  await adapter.start(async (message) => {
    received.push(message);
    return { isNew: true, inlineReply: async () => undefined };
  });
  const call = (path: string, { query, body }: { query: string; body: string }) => {
    const request: WebhookRequest = {
      ...{ method: "POST", query, headers: {}, body: Buffer.from(body) },
      hungUp: new Promise(() => {}),
    };
    return adapter.webhooks.get(path)?.(request);
  };
  return { received, call };
};

const toApp = (user: string) =>
  callbackRequest(textMessage(ours, { user, text: "hi", msgId: "1" }), ours);
const toBot = (from: object) =>
  botRequest(
    JSON.stringify({
      ...{ msgid: "1", aibotid: bot.id, chattype: "single", from },
      ...{ msgtype: "text", text: { content: "hi" } },
    }),
    bot,
  );

describe("people of another corp", () => {
  it("attack: whoever knows one corp's keys speaks as somebody of another corp of this gateway", async () => {
    const { received, call } = await started();
    const { corpId } = theirs;
    await expect(call("/ours", toApp(`${corpId}/ceo`))).rejects.toThrow("FOREIGN_CORP");
    for (const from of [{ userid: "ceo", corpid: corpId }, { userid: `${corpId}/ceo` }]) {
      await expect(call("/bot", toBot(from))).rejects.toThrow("FOREIGN_CORP");
    }
    expect(received).toEqual([]);
  });

  it("are taken in where their corp has nothing of its own here", async () => {
    const { received, call } = await started();
    await call("/ours", toApp("wwlinked/ceo"));
    await call("/bot", toBot({ userid: "ceo", corpid: "wwlinked" }));
    await call("/bot", toBot({ userid: "ceo", corpid: ours.corpId }));
    const corps = received.map(({ workspaceId }) => workspaceId);
    expect(corps).toEqual(["wwlinked", "wwlinked", ours.corpId]);
  });
});
