import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWebhookListener } from "../../channels/http.ts";
import { createWecomAdapter } from "../../channels/wecom/adapter.ts";
import type { WecomApp } from "../../channels/wecom/types.ts";
import { examineWecom } from "../../cli/doctor-wecom.ts";
import { settingsSchema } from "../../config/schema.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { recordedLog } from "../fakes/log.ts";
import { wecomAppOf } from "../fakes/wecom-app.ts";
import { startWecomCloud, type WecomCloud } from "../fakes/wecom-cloud.ts";

let cloud: WecomCloud;
let gateway: Server;

const previous = [{ token: "oldToken", encoding_aes_key: "B".repeat(43) }];

beforeEach(async () => {
  cloud = await startWecomCloud();
  gateway = await serve(wecomAppOf(cloud.app, { previous }));
});

afterEach(async () => {
  gateway.close();
  gateway.closeAllConnections();
  await cloud.close();
});

const notFound: RequestListener = (_, response) => void response.writeHead(404).end();

/** A gateway of which only the callback is there. */
const serve = async (app: WecomApp): Promise<Server> => {
  const log = recordedLog();
  const adapter = createWecomAdapter({
    ...{ apps: [app], log, now: () => new Date(), state: memoryState() },
  });
  const options = { log, onRejected: () => {} };
  const server = createServer(createWebhookListener([adapter], options, notFound));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const examine = async (changes: object = {}, server: object = {}) => {
  const { port } = gateway.address() as AddressInfo;
  const { app } = cloud;
  const wechat_work = {
    ...{ corp_id: app.corpId, agent_id: app.agentId, secret: app.secret, token: app.token },
    ...{ encoding_aes_key: app.encodingAesKey, api_base_url: cloud.apiBaseUrl, previous },
    ...changes,
  };
  const settings = settingsSchema.parse({ server: { port, ...server }, channels: { wechat_work } });
  const findings = await examineWecom(settings);
  return (check: string) => findings.find((finding) => finding.check === check);
};

describe("the WeCom checks", () => {
  it("find nothing wrong where all is well", async () => {
    const found = await examine();
    expect(found("credentials")).toEqual({
      check: "credentials",
      state: "ok",
      text: `${cloud.app.corpId}/${cloud.app.agentId}: token granted, the app is there`,
    });
    expect(found("callback")).toMatchObject({
      state: "ok",
      text: expect.stringMatching(/2 key pairs$/),
    });
    expect(found("clock")?.state).toBe("ok");
  });

  it("judge the callback of a gateway that listens on every address of IPv6", async () => {
    const found = await examine({}, { host: "::" });
    expect(found("callback")?.text).toMatch(/^http:\/\/\[::1\]:\d+\//);
  });

  it.each([
    ["a secret of another app", { secret: "another" }, "gettoken says errcode 40001", "secret"],
    ["a wrong corp", { corp_id: "wwother" }, "gettoken says errcode 40013", "corp_id"],
    ["a wrong app", { agent_id: "1000009" }, "agent/get says errcode 301002", "agent_id"],
  ])("name the errcode and what to do: %s", async (_what, changes, text, remedy) => {
    expect((await examine(changes))("credentials")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining(text) },
      remedy: expect.stringContaining(remedy),
    });
  });

  it("hint at trusted addresses", async () => {
    cloud.failNext("agent", { errcode: 60020 });
    expect((await examine())("credentials")?.remedy).toContain("企业可信IP");
  });

  it("tell an API that cannot be reached from one that is none", async () => {
    const away = await examine({ api_base_url: "http://127.0.0.1:9" });
    expect(away("credentials")?.state).toBe("unknown");
    cloud.failNext("gettoken", { http: 404 });
    const other = await examine();
    expect(other("credentials")).toMatchObject({
      ...{ state: "bad", remedy: expect.stringContaining("api_base_url") },
    });
  });

  it("see that the running gateway has other keys, and which", async () => {
    expect((await examine({ token: "anotherToken" }))("callback")?.state).toBe("bad");
    const rotated = [{ token: "olderToken", encoding_aes_key: "C".repeat(43) }];
    expect((await examine({ previous: rotated }))("callback")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining("previous key pair 1") },
    });
  });

  it("see that what answers does not check whose callback it is", async () => {
    gateway.close();
    gateway = createServer(async (request, response) => {
      const { open } = await import("../../channels/wecom/envelope.ts");
      const echo = new URL(request.url ?? "", "http://x").searchParams.get("echostr") ?? "";
      const corpIds = [cloud.app.corpId, `${cloud.app.corpId}x`];
      const openings = corpIds.map((corpId) => open(echo, cloud.app.encodingAesKey, corpId));
      response.end(openings.flatMap((opening) => (opening.isOpen ? [opening.text] : []))[0]);
    }).listen(0, "127.0.0.1");
    await once(gateway, "listening");
    expect((await examine({ previous: [] }))("callback")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining("receiveid") },
    });
  });

  it("see that nobody answers", async () => {
    expect((await examine({}, { port: 9 }))("callback")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining("does not answer") },
    });
  });

  it("see an address that only this machine has", async () => {
    const found = await examine({}, { public_url: "https://localhost" });
    expect(found("public url")?.state).toBe("bad");
  });

  it("name a file of authorities that is none", async () => {
    const found = await examine({ ca_file: import.meta.filename });
    expect(found("wecom api")).toMatchObject({
      ...{ state: "bad", text: expect.stringContaining("channels.wechat_work.ca_file") },
    });
  });

  it("hold no secret", async () => {
    const found = await examine({ secret: "a wrong secret" });
    expect(JSON.stringify(["credentials", "callback", "clock"].map(found))).not.toContain(
      "a wrong secret",
    );
  });
});
