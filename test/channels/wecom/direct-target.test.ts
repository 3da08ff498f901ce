import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../../channels/wecom/adapter.ts";
import type { ChannelAdapter } from "../../../core/contract/channel.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { newCloudApp, startWecomCloud, type WecomCloud } from "../../fakes/wecom-cloud.ts";

const app = newCloudApp();

let cloud: WecomCloud;
let adapter: ChannelAdapter;

beforeEach(async () => {
  cloud = await startWecomCloud({ app });
  const apps = [
    // The callback of the address book, which can send nothing.
    wecomAppOf(newCloudApp({ corpId: app.corpId, agentId: "0" }), { webhook_path: "/contacts" }),
    wecomAppOf(app, { api_base_url: cloud.apiBaseUrl }),
    wecomAppOf(newCloudApp({ corpId: app.corpId, agentId: "1000009" }), { webhook_path: "/two" }),
  ];
  const now = () => new Date();
  adapter = createWecomAdapter({ apps, log: recordedLog(), now, state: memoryState() });
});

afterEach(() => cloud.close());

describe("what somebody in WeCom is told unasked", () => {
  it("comes from the corp's first application that can speak, to that person alone", async () => {
    const target = adapter.directTarget?.(app.corpId, "ZhangSan");
    if (!target) throw new Error("nobody can be told there");
    const [body = ""] = adapter.render({ kind: "text", markdown: "a notice" }, target);
    const part = { id: "1.0", target, body, attempt: 1, isRepeat: false };
    expect(await adapter.send(part, new AbortController().signal)).toEqual({ kind: "delivered" });
    expect(cloud.sendCalls.map(({ body: sent }) => [sent.touser, sent.agentid])).toEqual([
      ["ZhangSan", Number(app.agentId)],
    ]);
  });

  it("has no address in another corp", () => {
    expect(adapter.directTarget?.("wwother0000000001", "ZhangSan")).toBeUndefined();
  });

  it.each(["@all", "a|b", "", "a b"])("never goes to many, as %j would", (userId) => {
    expect(adapter.directTarget?.(app.corpId, userId)).toBeUndefined();
  });
});
