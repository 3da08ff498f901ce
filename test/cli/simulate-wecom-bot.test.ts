import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createWebhookListener } from "../../channels/http.ts";
import { createWecomAdapter } from "../../channels/wecom/adapter.ts";
import { registerSimulate } from "../../cli/simulate.ts";
import type { ChannelAdapter, Receipt } from "../../core/contract/channel.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { Answer } from "../../core/contract/reply.ts";
import { createWorkspace } from "../config/workspace.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { freePort } from "../fakes/free-port.ts";
import { recordedLog } from "../fakes/log.ts";
import { wecomAppOf } from "../fakes/wecom-app.ts";
import { wecomBotOf } from "../fakes/wecom-bot.ts";
import { newCloudBot } from "../fakes/wecom-bot-envelope.ts";
import { newCloudApp } from "../fakes/wecom-cloud.ts";
import { runVerb } from "./run-verb.ts";

const cloudBot = newCloudBot();
const cloudApp = newCloudApp();
const signal = new AbortController().signal;
const notFound: RequestListener = (_, response) => void response.writeHead(404).end();

let server: Server | undefined;
let adapter: ChannelAdapter;
let cwd: string;

afterEach(async () => {
  await adapter.stop();
  if (!server) return;
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  server = undefined;
});

type Behaviour = (message: InboundMessage) => Promise<Receipt>;

/** A gateway as far as simulate can see it: the real webhook server and the real adapter. */
const startGateway = async (
  behaviour: Behaviour,
  given: { readonly isWithApp?: boolean; readonly silenceMs?: number } = {},
): Promise<readonly InboundMessage[]> => {
  const api_base_url = `http://127.0.0.1:${await freePort()}`;
  const bot = wecomBotOf(cloudBot, { api_base_url, name: "Desk" });
  const app = wecomAppOf(cloudApp, { api_base_url });
  const apps = given.isWithApp ? [app] : [];
  adapter = createWecomAdapter({
    ...{ apps, bots: [bot], log: recordedLog(), now: () => new Date(), state: memoryState() },
    ...(given.silenceMs !== undefined && { silenceMs: given.silenceMs }),
  });
  const received: InboundMessage[] = [];
  await adapter.start(async (message) => {
    received.push(message);
    return behaviour(message);
  });
  const webhooks = createWebhookListener(
    [adapter],
    { log: recordedLog(), onRejected: () => {} },
    notFound,
  );
  server = createServer(webhooks).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { corp_id, agent_id, secret, token, encoding_aes_key } = app;
  const { id, name, webhook_path } = bot;
  const keys = { token: bot.token, encoding_aes_key: bot.encoding_aes_key };
  const own = { corp_id, agent_id, secret, token, encoding_aes_key };
  cwd = createWorkspace({
    "settings.json": JSON.stringify({
      server: { port },
      channels: {
        wechat_work: {
          ...(given.isWithApp && own),
          ...{ api_base_url, bots: [{ id, corp_id, name, webhook_path, ...keys }] },
        },
      },
    }),
    "report.csv": "a,b\n1,2\n",
  });
  return received;
};

const simulate = (...words: string[]) =>
  runVerb(registerSimulate, cwd, ["simulate", "wecom", ...words]);

const json = async (...words: string[]) => {
  const { code, out } = await simulate(...words, "--json");
  return { exit: code, ...JSON.parse(out) };
};

const inline =
  (body: string): Behaviour =>
  async () => ({ isNew: true, inlineReply: async () => ({ body, settled: () => {} }) });

/** Answers part by part once the response has brought the stream. */
const answering =
  (answer: Partial<Answer>, growing: readonly string[] = []): Behaviour =>
  async ({ target }) => {
    const sendAll = async (): Promise<void> => {
      for (const markdown of growing) adapter.progress?.(target, markdown);
      const parts = adapter.render({ kind: "text", markdown: "", ...answer }, target);
      for (const [place, body] of parts.entries()) {
        const part = { id: `1.${place}`, target, body, isRepeat: false };
        for (let attempt = 1; ; attempt++) {
          const outcome = await adapter.send({ ...part, attempt }, signal);
          if (outcome.kind !== "retry" || attempt === 5) break;
        }
      }
    };
    return {
      isNew: true,
      inlineReply: async () => {
        setImmediate(() => void sendAll());
        return undefined;
      },
    };
  };

describe("clawgate simulate wecom --bot", () => {
  it("asks the stream until it is finished, and prints what it came to", async () => {
    const received = await startGateway(answering({ markdown: "**40.8**" }, ["**40"]));
    const result = await json("340 x 12%", "--bot");
    expect(result).toMatchObject({ exit: 0, answer: "**40.8**", via: "stream" });
    expect(received[0]).toMatchObject({
      conversation: { kind: "direct" },
      content: { text: "340 x 12%" },
    });
    expect((await simulate("340 x 12%", "--bot", cloudBot.id)).out).toContain("by  stream");
  });

  it("prints an answer that is there at once, and its refusal code", async () => {
    await startGateway(inline("No tenant. [TENANT_UNKNOWN]"));
    expect(await json("hi", "--bot")).toMatchObject({
      ...{ exit: 1, answer: "No tenant. [TENANT_UNKNOWN]", code: "TENANT_UNKNOWN", frames: 1 },
    });
  });

  it("mentions the bot in a group, and quotes", async () => {
    const received = await startGateway(inline("ok"));
    await simulate("explain", "--bot", "--group", "wrGROUP", "--quote", "E42");
    expect(received[0]).toMatchObject({
      conversation: { id: `${cloudBot.id}/group:wrGROUP`, kind: "group" },
      content: { text: "explain", quote: "E42" },
    });
  });

  it.each([
    [["spoken", "--kind", "voice"], { kind: "text", text: "spoken" }],
    [["look", "--kind", "mixed"], { text: "look", attachments: [{ kind: "image" }] }],
    [["--kind", "video"], { attachments: [{ kind: "video" }] }],
    [["msg:2", "--kind", "feedback"], { event: { name: "feedback_given", fields: { id: "msg" } } }],
    [["card1:yes", "--kind", "card-click"], { event: { click: { buttonId: "yes" } } }],
    [["--kind", "enter_agent"], { event: { name: "app_opened" } }],
  ])("can do %j", async (words, content) => {
    const received = await startGateway(inline("ok"));
    expect((await simulate(...words, "--bot")).code).toBe(0);
    expect(received[0]).toMatchObject({ content });
  });

  it("brings a file along, encrypted, that the gateway can fetch", async () => {
    await startGateway(async ({ content, target }) => ({
      isNew: true,
      inlineReply: async () => {
        const [attachment] = content.kind === "text" ? (content.attachments ?? []) : [];
        if (!attachment) throw new Error("no attachment");
        const bytes = await adapter.openAttachment?.(target, attachment, signal);
        return { body: await new Response(bytes).text(), settled: () => {} };
      },
    }));
    const words = ["--bot", "--kind", "file", "--file", `${cwd}/report.csv`];
    expect(await json(...words)).toMatchObject({ answer: "a,b\n1,2\n" });
  });

  it("shows what comes by the response URL after the stream, though that fails at first", async () => {
    const long = Array.from({ length: 2_000 }, (_, line) => `第 ${line} 行`).join("\n");
    await startGateway(answering({ markdown: long }));
    const result = await json("everything", "--bot", "--fault=-1");
    expect(result).toMatchObject({ exit: 0, via: "stream" });
    expect(result.answer.replaceAll("\n", "")).toBe(long.replaceAll("\n", ""));
  });

  it("shows files that the application of the same corp sends", async () => {
    const files = [{ name: "report.csv", bytes: Buffer.from("a,b\n1,2\n") }];
    await startGateway(answering({ markdown: "Here it is.", files }), { isWithApp: true });
    expect((await json("report", "--bot")).answer).toBe("Here it is.\n[file: report.csv]");
  });

  it("shows how a click changes a card, and is content with silence after an event", async () => {
    const card = { id: "card1", title: "Leave", fields: [], selects: [], status: "Approved" };
    const buttons = [{ id: "yes", label: "Approve" }];
    let body = "";
    await startGateway(async () => ({
      isNew: true,
      inlineReply: async () => (body === "" ? undefined : { body, settled: () => {} }),
    }));
    const target = {
      ...{ channel: "wechat_work", workspaceId: "wwexample000000001", appId: cloudBot.id },
      ...{ address: "tester", replyTo: "1" },
    };
    const link = { url: "https://a.example/1", label: "Open" };
    const answer: Answer = { kind: "text", markdown: "", card: { ...card, buttons, link } };
    [body = ""] = adapter.render(answer, target);
    const clicked = await simulate("card1:yes", "--bot", "--kind", "card-click");
    expect(clicked.out).toContain("[the card is now]\n[card: Leave]\nApproved");
    body = "";
    const { code, out } = await simulate("--bot", "--kind", "enter_agent");
    expect([code, out]).toEqual([0, expect.stringContaining("met with silence")]);
  });

  it("delivers three times, with the same bytes or sealed anew", async () => {
    const received = await startGateway(inline("ok"));
    for (const how of ["identical", "reencrypted"]) {
      expect(await json("hi", "--bot", "--retries", how)).toMatchObject({ answer: "ok" });
    }
    expect(received).toHaveLength(6);
    expect(new Set(received.map(({ id }) => id)).size).toBe(2);
  });

  it("says when no answer comes in time", async () => {
    await startGateway(async () => ({ isNew: true, inlineReply: async () => undefined }));
    const { code, err } = await simulate("hi", "--bot", "--timeout", "0.5");
    expect([code, err]).toEqual([1, expect.stringContaining("no answer in time")]);
  });

  it.each([
    [["hi", "--bot", "another"], "no such bot"],
    [["hi", "--group", "wr1"], "need --bot"],
    [["x", "--bot", "--kind", "location"], "told of no such thing"],
    [["x:1", "--kind", "feedback"], "add --bot"],
    [["--bot"], "TEXT"],
  ])("ends %j with 2", async (words, named) => {
    await startGateway(inline("ok"), { isWithApp: true });
    const { code, err } = await simulate(...words);
    expect([code, err]).toEqual([2, expect.stringContaining(named)]);
  });
});
